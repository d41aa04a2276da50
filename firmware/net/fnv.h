/* FNV-1a, 32 bit (Fowler, Noll, Vo): tells bodies and requests apart; no defence against forgery. */
#ifndef WASMOTE_FNV_H
#define WASMOTE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV1A_START 2166136261u

static inline uint32_t fnv1a_more(uint32_t hash, const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * 16777619u;
    }
    return hash;
}

static inline uint32_t fnv1a(const uint8_t *bytes, size_t len) {
    return fnv1a_more(FNV1A_START, bytes, len);
}

#endif
