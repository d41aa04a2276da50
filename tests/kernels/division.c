/* Integer division, and square roots of integers, with it and without. */
#include "kernels.h"

#define NUMBERS 256
#define TURNS 8
#define DIGITS 10 /* of a 32-bit number */

static struct {
    uint32_t numbers[NUMBERS], others[NUMBERS];
    int32_t readings[NUMBERS], spans[NUMBERS];
    uint64_t times[NUMBERS]; /* ms since 1970 */
    uint32_t out[NUMBERS];
    uint8_t text[NUMBERS][DIGITS + 2];
} d;

INITIALISE {
    uint32_t state = 6;
    for (size_t i = 0; i < NUMBERS; i++) {
        d.numbers[i] = next_random(&state) << 8 >> (i % 24);
        d.others[i] = (next_random(&state) & 0xfffff) + 1;
        d.readings[i] = (int32_t)(next_random(&state) & 0xfff) - 0x800;
        d.spans[i] = (int32_t)(next_random(&state) & 0x3ff) + 100;
        d.times[i] = 1764547200000u + (uint64_t)i * 61000 + (next_random(&state) & 0x3ff);
        d.out[i] = 0;
        for (size_t j = 0; j < sizeof d.text[i]; j++) {
            d.text[i][j] = 0;
        }
    }
}

CHECKSUM_OF(d)

/* Euclid's algorithm: remainders by what is not known before. */
KERNEL(common_divisor) {
    for (size_t i = 0; i < NUMBERS; i++) {
        uint32_t a = d.numbers[i], b = d.others[i];
        while (b != 0) {
            const uint32_t rest = a % b;
            a = b;
            b = rest;
        }
        d.out[i] = a;
    }
    return 0;
}

/* Readings in thousandths of their span, rounded towards zero: signed quotients. */
KERNEL(scale_readings) {
    int32_t sum = 0;
    for (size_t turn = 0; turn < TURNS; turn++) {
        for (size_t i = 0; i < NUMBERS; i++) {
            const int32_t scaled = d.readings[i] * 1000 / d.spans[(i + turn) % NUMBERS];
            d.out[i] = (uint32_t)scaled;
            sum += scaled;
        }
    }
    return (uint32_t)sum;
}

/* Numbers as text: by a constant, which native code does with a long multiplication. */
KERNEL(decimal_digits) {
    for (size_t i = 0; i < NUMBERS; i++) {
        uint32_t rest = d.numbers[i];
        size_t at = DIGITS;
        do {
            d.text[i][--at] = (uint8_t)('0' + rest % 10);
            rest /= 10;
        } while (rest != 0);
    }
    return 0;
}

/* The minute of the day of a time stamp: quotients of 64 bits. */
KERNEL(minute_of_day) {
    for (size_t i = 0; i < NUMBERS; i++) {
        d.out[i] = (uint32_t)(d.times[i] / 60000 % (24 * 60));
    }
    return 0;
}

/* A bit of the root at a time: additions, comparisons and shifts. */
KERNEL(isqrt) {
    for (size_t i = 0; i < NUMBERS; i++) {
        uint32_t rest = d.numbers[i], root = 0;
        for (uint32_t bit = 1u << 30; bit != 0; bit >>= 2) {
            if (rest >= root + bit) {
                rest -= root + bit;
                root = (root >> 1) + bit;
            } else {
                root >>= 1;
            }
        }
        d.out[i] = root;
    }
    return 0;
}

/* The same by Newton's method: a quotient a step. */
KERNEL(isqrt_newton) {
    for (size_t i = 0; i < NUMBERS; i++) {
        const uint32_t number = d.numbers[i];
        uint32_t root = number, next = number / 2 + 1;
        while (next < root) {
            root = next;
            next = (root + number / root) / 2;
        }
        d.out[i] = root;
    }
    return 0;
}
