/* Explicit byte order for wire and flash formats: never a cast, never an unaligned load. */
#ifndef WASMOTE_BYTES_H
#define WASMOTE_BYTES_H

#include <stdint.h>

static inline uint16_t get_be16(const uint8_t *at) {
    return (uint16_t)((at[0] << 8) | at[1]);
}

static inline uint32_t get_be32(const uint8_t *at) {
    return ((uint32_t)get_be16(at) << 16) | get_be16(at + 2);
}

static inline uint64_t get_be64(const uint8_t *at) {
    return ((uint64_t)get_be32(at) << 32) | get_be32(at + 4);
}

static inline uint16_t get_le16(const uint8_t *at) {
    return (uint16_t)((at[1] << 8) | at[0]);
}

static inline uint32_t get_le32(const uint8_t *at) {
    return ((uint32_t)get_le16(at + 2) << 16) | get_le16(at);
}

static inline void put_be16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void put_be32(uint8_t *at, uint32_t value) {
    put_be16(at, (uint16_t)(value >> 16));
    put_be16(at + 2, (uint16_t)value);
}

static inline void put_be64(uint8_t *at, uint64_t value) {
    put_be32(at, (uint32_t)(value >> 32));
    put_be32(at + 4, (uint32_t)value);
}

static inline void put_le16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void put_le32(uint8_t *at, uint32_t value) {
    put_le16(at, (uint16_t)value);
    put_le16(at + 2, (uint16_t)(value >> 16));
}

#endif
