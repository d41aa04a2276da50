/* Random numbers that are the same everywhere and in every run, and damage to messages made with them.
 */
#ifndef MUTATION_H
#define MUTATION_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static uint32_t random_state = 20201121; /* a test may set it; never 0 */

/* xorshift32 (Marsaglia): good enough. */
static inline uint32_t random_below(size_t limit) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return (uint32_t)((uint64_t)random_state * limit >> 32);
}

/* Lengths and marks of CoAP, CBOR and SLIP at their limits. */
static inline uint8_t telling_byte(void) {
    static const uint8_t telling[] = {0x00, 0xff, 0x0d, 0xd0, 0x0e, 0xe0, 0xdd, 0xee,
                                      0xf0, 0x0f, 0xc0, 0xdb, 0x40, 0x7f, 0x80};
    return telling[random_below(sizeof telling)];
}

static inline void mutate_insert(uint8_t *bytes, size_t *len, size_t cap) {
    size_t at = random_below(*len + 1), count = 1 + random_below(4);
    if (*len + count <= cap) {
        memmove(bytes + at + count, bytes + at, *len - at);
        memset(bytes + at, (int)random_below(256), count);
        *len += count;
    }
}

static inline void mutate_cut(uint8_t *bytes, size_t *len) {
    size_t at = random_below(*len), left = *len - at, count = 1 + random_below(4);
    count = count < left ? count : left;
    memmove(bytes + at, bytes + at + count, left - count);
    *len -= count;
}

/* One damage; a byte that is changed is among the first `front`. */
static inline void mutate(uint8_t *bytes, size_t *len, size_t cap, size_t front) {
    if (*len == 0) {
        mutate_insert(bytes, len, cap);
        return;
    }
    size_t at = random_below(*len < front ? *len : front);
    switch (random_below(5)) {
    case 0:
        bytes[at] ^= (uint8_t)(1u << random_below(8));
        break;
    case 1:
        bytes[at] = telling_byte();
        break;
    case 2:
        bytes[at] = (uint8_t)random_below(256);
        break;
    case 3:
        mutate_insert(bytes, len, cap);
        break;
    default:
        mutate_cut(bytes, len);
        break;
    }
}

#endif
