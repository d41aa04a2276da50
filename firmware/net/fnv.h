/* FNV-1a, 32 bit (Fowler, Noll, Vo): tells bodies and requests apart; no defence against forgery. */
#ifndef WASMOTE_FNV_H
#define WASMOTE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV1A_START 2166136261u

static inline uint32_t fnv1a(const uint8_t *bytes, size_t len) {
    uint32_t hash = FNV1A_START;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * 16777619u;
    }
    return hash;
}

#endif
