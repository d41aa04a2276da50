/* f32, on its bits: neither the FPU of a Cortex-M4F rounds to integers nor is there any other way
 * without one. IEEE 754: sign 1, exponent 8 (bias 127), fraction 23. */
#include "numeric_list.h"

#define SIGN 0x80000000u
#define ONE 0x3f800000u
#define HALF 0x3f000000u
#define INFINITE 0x7f800000u
#define QUIET 0x00400000u
#define FRACTION_BITS 23
#define BIAS 127

static bool is_nan(uint32_t bits) {
    return (bits & ~SIGN) > INFINITE;
}

/* ---- to an integer ------------------------------------------------------------------------------ */

enum direction { UP, DOWN, TO_ZERO, TO_NEAREST };

static bool is_away_from_zero(uint32_t bits, enum direction direction) {
    return bits & SIGN ? direction == DOWN : direction == UP;
}

/* 0 or 1 with the sign. */
static uint32_t round_below_one(uint32_t bits, enum direction direction) {
    const uint32_t magnitude = bits & ~SIGN, sign = bits & SIGN;
    const bool away = direction == TO_NEAREST ? magnitude > HALF
                                              : magnitude != 0 && is_away_from_zero(bits, direction);
    return sign | (away ? ONE : 0);
}

/* What to add so that cutting the fraction off rounds as wanted: a carry out of it goes on into the
 * exponent. For 1.x the bit before the fraction is the exponent's lowest, which is 1 there too. */
static uint32_t round_up_by(uint32_t bits, unsigned shift, enum direction direction) {
    const uint32_t below_one = (1u << shift) - 1;
    if (direction == TO_NEAREST) {
        return (below_one >> 1) + (bits >> shift & 1);
    }
    return is_away_from_zero(bits, direction) ? below_one : 0;
}

static uint32_t round_f32(uint32_t bits, enum direction direction) {
    const unsigned exponent = bits >> FRACTION_BITS & 0xff;
    if (exponent < BIAS) {
        return round_below_one(bits, direction);
    }
    if (exponent >= BIAS + FRACTION_BITS) {
        return is_nan(bits) ? bits | QUIET : bits;
    }
    const unsigned shift = BIAS + FRACTION_BITS - exponent;
    return (bits + round_up_by(bits, shift, direction)) >> shift << shift;
}

#define ROUNDING(name, direction)                                                                       \
    SLOW(f32_##name) {                                                                                  \
        frame_put(frame, at[1], round_f32(frame_get(frame, at[0]), direction));                         \
        return NULL;                                                                                    \
    }

ROUNDING(ceil, UP)
ROUNDING(floor, DOWN)
ROUNDING(trunc, TO_ZERO)
ROUNDING(nearest, TO_NEAREST)

/* ---- of two ------------------------------------------------------------------------------------- */

/* Integers in the order of the numbers, -0 before +0. */
static int32_t order(uint32_t bits) {
    return (int32_t)(bits & SIGN ? bits ^ ~SIGN : bits);
}

static uint32_t lower_or_higher(uint32_t a, uint32_t b, bool higher) {
    if (is_nan(a)) {
        return a | QUIET;
    }
    if (is_nan(b)) {
        return b | QUIET;
    }
    return (order(a) < order(b)) == higher ? b : a;
}

SLOW(f32_min) {
    frame_put(frame, at[2], lower_or_higher(frame_get(frame, at[0]), frame_get(frame, at[1]), false));
    return NULL;
}

SLOW(f32_max) {
    frame_put(frame, at[2], lower_or_higher(frame_get(frame, at[0]), frame_get(frame, at[1]), true));
    return NULL;
}

SLOW(f32_copysign) {
    const uint32_t a = frame_get(frame, at[0]), b = frame_get(frame, at[1]);
    frame_put(frame, at[2], (a & ~SIGN) | (b & SIGN));
    return NULL;
}

/* ---- square root -------------------------------------------------------------------------------- */

#if defined(__ARM_EABI__) && defined(__ARM_FP) && (__ARM_FP & 4) /* AArch64 has __ARM_FP too */

/* The library's sqrtf would set errno. */
float machine_f32_sqrt(float value) {
    float root;
    __asm__("vsqrt.f32 %0, %1" : "=t"(root) : "t"(value));
    return root;
}

#else

/* Bit by bit, as on paper: the root of a significand of 24 or 25 bits, to 25 bits. */
static uint32_t root_of(uint32_t rest) {
    uint32_t root = 0, twice = 0;
    rest <<= 1;
    for (uint32_t bit = 1u << (FRACTION_BITS + 1); bit != 0; bit >>= 1) {
        if (twice + bit <= rest) {
            rest -= twice + bit;
            twice += 2 * bit;
            root += bit;
        }
        rest <<= 1;
    }
    return root;
}

static uint32_t sqrt_of_finite(uint32_t bits) {
    int exponent = (int)(bits >> FRACTION_BITS);
    uint32_t significand = bits & ((1u << FRACTION_BITS) - 1);
    if (exponent == 0) {
        const int shift = __builtin_clz(significand) - (31 - FRACTION_BITS);
        significand <<= shift;
        exponent = 1 - shift;
    }
    significand |= 1u << FRACTION_BITS;
    exponent -= BIAS;
    const uint32_t root = root_of(significand << (exponent & 1));
    /* Its last bit is for rounding; a root is never half way. The leading one adds 1 to the exponent. */
    return ((uint32_t)((exponent >> 1) + BIAS - 1) << FRACTION_BITS) + (root >> 1) + (root & 1);
}

float machine_f32_sqrt(float value) {
    const uint32_t bits = f32_bits(value);
    if (is_nan(bits)) {
        return f32_from(bits | QUIET);
    }
    if ((bits & ~SIGN) == 0 || bits == INFINITE) {
        return value;
    }
    return f32_from(bits & SIGN ? INFINITE | QUIET : sqrt_of_finite(bits));
}

#endif
