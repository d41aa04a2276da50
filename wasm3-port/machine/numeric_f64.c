/* f64. What is not the compiler's own function works on the bits, for no core that we know has an FPU
 * for it. IEEE 754: sign 1, exponent 11 (bias 1023), fraction 52. */
#include "numeric_list.h"

#define SIGN 0x8000000000000000u
#define ONE 0x3ff0000000000000u
#define HALF 0x3fe0000000000000u
#define INFINITE 0x7ff0000000000000u
#define QUIET 0x0008000000000000u
#define FRACTION_BITS 52
#define BIAS 1023

static bool is_nan(uint64_t bits) {
    return (bits & ~SIGN) > INFINITE;
}

/* ---- arithmetic and comparisons ----------------------------------------------------------------- */

#define COMPARISON(name, operator)                                                                      \
    COMPARE64(f64_##name) {                                                                             \
        return f64_from(a) operator f64_from(b);                                                        \
    }

COMPARISON(ne, !=)

#ifndef MACHINE_F64_ARM
COMPARISON(eq, ==)
COMPARISON(lt, <)
COMPARISON(gt, >)
COMPARISON(le, <=)
COMPARISON(ge, >=)
#endif

#if !MACHINE_F64_BY_COMPILER
#define ARITHMETIC(name, operator)                                                                      \
    BINARY64(f64_##name) {                                                                              \
        return f64_bits(f64_from(a) operator f64_from(b));                                              \
    }

ARITHMETIC(add, +)
ARITHMETIC(sub, -)
ARITHMETIC(mul, *)
ARITHMETIC(div, /)

UNARY64(f64_convert_i64_s) {
    return f64_bits((double)(int64_t)a);
}

UNARY64(f64_convert_i64_u) {
    return f64_bits((double)a);
}
#endif

#ifdef MACHINE_F64_ARM
/* libgcc's __aeabi_dadd (12.2) rounds a difference wrongly when one number lies 33 binary places above
 * the other and the result below the power of two under it: of the bits behind the last, the first is
 * lost. In two steps, of which the first needs no rounding, it is right. */
uint64_t __aeabi_dadd(uint64_t a, uint64_t b);

#define BITS_BELOW 33

static uint64_t subtract_far_below(uint64_t high, uint64_t low) {
    const uint64_t rounded = low & ~(((uint64_t)1 << BITS_BELOW) - 1);
    return __aeabi_dadd(__aeabi_dadd(high, rounded), __aeabi_dadd(low, rounded ^ SIGN));
}

/* Subnormals have the exponent 0 and count as 1. */
static bool is_far_below(int above, int exponent) {
    return above == BITS_BELOW + (exponent == 0);
}

static int exponent_of(uint64_t bits) {
    return (int)(bits >> FRACTION_BITS & 0x7ff);
}

static __attribute__((noinline)) uint64_t add_apart(uint64_t a, uint64_t b) {
    const int above = exponent_of(a) - exponent_of(b);
    if ((int64_t)(a ^ b) < 0 && is_far_below(above, exponent_of(b))) {
        return subtract_far_below(a, b);
    }
    if ((int64_t)(a ^ b) < 0 && is_far_below(-above, exponent_of(a))) {
        return subtract_far_below(b, a);
    }
    return __aeabi_dadd(a, b);
}

/* Passes all of those, and few others, on to add_apart(): the difference of the upper words without
 * their signs, if these differ, is 32 to 34 in the exponent's place. */
BINARY64(f64_add) {
    uint32_t apart = ((uint32_t)(a >> 32) - (uint32_t)(b >> 32)) ^ 0x80000000u;
    apart ^= (uint32_t)((int32_t)apart >> 31);
    if (__builtin_expect(apart - 0x02000000u < 0x00300000u, 0)) {
        return add_apart(a, b);
    }
    return __aeabi_dadd(a, b);
}

BINARY64(f64_sub) {
    return machine_f64_add(a, b ^ SIGN);
}
#endif

/* ---- the sign ----------------------------------------------------------------------------------- */

UNARY64(f64_abs) {
    return a & ~SIGN;
}

UNARY64(f64_neg) {
    return a ^ SIGN;
}

BINARY64(f64_copysign) {
    return (a & ~SIGN) | (b & SIGN);
}

/* ---- to an integer: see numeric_f32.c ----------------------------------------------------------- */

enum direction { UP, DOWN, TO_ZERO, TO_NEAREST };

static bool is_away_from_zero(uint64_t bits, enum direction direction) {
    return bits & SIGN ? direction == DOWN : direction == UP;
}

static uint64_t round_below_one(uint64_t bits, enum direction direction) {
    const uint64_t magnitude = bits & ~SIGN, sign = bits & SIGN;
    const bool away = direction == TO_NEAREST ? magnitude > HALF
                                              : magnitude != 0 && is_away_from_zero(bits, direction);
    return sign | (away ? ONE : 0);
}

static uint64_t round_up_by(uint64_t bits, unsigned shift, enum direction direction) {
    const uint64_t below_one = ((uint64_t)1 << shift) - 1;
    if (direction == TO_NEAREST) {
        return (below_one >> 1) + (bits >> shift & 1);
    }
    return is_away_from_zero(bits, direction) ? below_one : 0;
}

static uint64_t round_f64(uint64_t bits, enum direction direction) {
    const unsigned exponent = (unsigned)(bits >> FRACTION_BITS) & 0x7ff;
    if (exponent < BIAS) {
        return round_below_one(bits, direction);
    }
    if (exponent >= BIAS + FRACTION_BITS) {
        return is_nan(bits) ? bits | QUIET : bits;
    }
    const unsigned shift = BIAS + FRACTION_BITS - exponent;
    return (bits + round_up_by(bits, shift, direction)) >> shift << shift;
}

UNARY64(f64_ceil) {
    return round_f64(a, UP);
}

UNARY64(f64_floor) {
    return round_f64(a, DOWN);
}

UNARY64(f64_trunc) {
    return round_f64(a, TO_ZERO);
}

UNARY64(f64_nearest) {
    return round_f64(a, TO_NEAREST);
}

/* ---- of two ------------------------------------------------------------------------------------- */

/* Integers in the order of the numbers, -0 before +0. */
static int64_t order(uint64_t bits) {
    return (int64_t)(bits & SIGN ? bits ^ ~SIGN : bits);
}

static uint64_t lower_or_higher(uint64_t a, uint64_t b, bool higher) {
    if (is_nan(a)) {
        return a | QUIET;
    }
    if (is_nan(b)) {
        return b | QUIET;
    }
    return (order(a) < order(b)) == higher ? b : a;
}

BINARY64(f64_min) {
    return lower_or_higher(a, b, false);
}

BINARY64(f64_max) {
    return lower_or_higher(a, b, true);
}

/* ---- square root: see numeric_f32.c ------------------------------------------------------------- */

/* As on paper: two more bits of the number at a time give one more of the root. */
static uint32_t extend_root(uint32_t root, uint32_t *rest, uint32_t bits, unsigned pairs) {
    for (; pairs > 0; pairs--, bits <<= 2) {
        const uint32_t step = root << 2 | 1;
        *rest = *rest << 2 | bits >> 30;
        root <<= 1;
        if (*rest >= step) {
            *rest -= step;
            root |= 1;
        }
    }
    return root;
}

/* The root of a significand of 53 or 54 bits, to 54 bits: half of them in 32-bit steps, the others by
 * a division, which may give one too many (P. Zimmermann, Karatsuba Square Root, INRIA 1999). */
static uint64_t root_of(uint64_t significand) {
    const uint64_t bits = significand << 10;
    uint32_t rest = 0;
    uint32_t half = extend_root(0, &rest, (uint32_t)(bits >> 32), 16);
    half = extend_root(half, &rest, (uint32_t)bits, 11);
    const uint64_t dividend = (uint64_t)rest << 27;
    const uint64_t quotient = dividend / (2 * half);
    const uint64_t remainder = dividend - quotient * (2 * half);
    const bool too_many = remainder << 27 < quotient * quotient;
    return ((uint64_t)half << 27) + quotient - too_many;
}

static uint64_t sqrt_of_finite(uint64_t bits) {
    int exponent = (int)(bits >> FRACTION_BITS);
    uint64_t significand = bits & (((uint64_t)1 << FRACTION_BITS) - 1);
    if (exponent == 0) {
        const int shift = __builtin_clzll(significand) - (63 - FRACTION_BITS);
        significand <<= shift;
        exponent = 1 - shift;
    }
    significand |= (uint64_t)1 << FRACTION_BITS;
    exponent -= BIAS;
    const uint64_t root = root_of(significand << (exponent & 1));
    return ((uint64_t)((exponent >> 1) + BIAS - 1) << FRACTION_BITS) + (root >> 1) + (root & 1);
}

UNARY64(f64_sqrt) {
    if (is_nan(a)) {
        return a | QUIET;
    }
    if ((a & ~SIGN) == 0 || a == INFINITE) {
        return a;
    }
    return a & SIGN ? INFINITE | QUIET : sqrt_of_finite(a);
}
