/* Functions that WebAssembly lacks, in its own arithmetic, so that every engine, board and host gives
 * the same bits: it rounds +, -, * and / alike everywhere.
 *
 * expf, logf, log1pf and sqrtf compute in f32: error below 1 ulp. sinf, cosf, atan2f and powf compute
 * in f64 and round once: error below 0.51 ulp. On the common cores f64 is software, in which one of
 * them takes as long as some hundred f32 operations.
 *
 * Both bounds hold over the whole range, subnormals and the largest angles included; NaN results are
 * the canonical quiet NaN. Needs a compiler that does not contract a*b+c (-ffp-contract=off).
 *
 * Polynomials: least maximum error on the reduced range, coefficients rounded to the type. */
#ifndef WASMOTE_MATH_H
#define WASMOTE_MATH_H

#include <stdint.h>

#define WASMOTE_LN2_HIGH 0x1.62e4p-1f /* 16 bits: its product with an 8-bit exponent is exact */
#define WASMOTE_LN2_LOW 0x1.7f7d1cp-20f
#define WASMOTE_LOG2_E 0x1.715476p+0f
#define WASMOTE_SQRT2_BITS 0x3fb504f3u

static inline uint32_t wasmote_f32_bits(float value) {
    union {
        float value;
        uint32_t bits;
    } pun = {.value = value};
    return pun.bits;
}

static inline float wasmote_f32(uint32_t bits) {
    union {
        uint32_t bits;
        float value;
    } pun = {.bits = bits};
    return pun.value;
}

static inline float wasmote_nan(void) {
    return wasmote_f32(0x7fc00000u);
}

static inline float wasmote_infinity(void) {
    return wasmote_f32(0x7f800000u);
}

/* 2^exponent for -126 <= exponent <= 127. */
static inline float wasmote_power_of_2(int32_t exponent) {
    return wasmote_f32((uint32_t)(exponent + 127) << 23);
}

/* e^x = 2^n e^r with |r| <= ln(2) / 2. */
static inline float wasmote_expf(float x) {
    if (x != x) {
        return wasmote_nan();
    }
    if (x > 88.8f) {
        return wasmote_infinity();
    }
    if (x < -104.0f) {
        return 0.0f;
    }
    int32_t n = (int32_t)(x * WASMOTE_LOG2_E + (x < 0.0f ? -0.5f : 0.5f));
    float r = (x - (float)n * WASMOTE_LN2_HIGH) - (float)n * WASMOTE_LN2_LOW;
    float tail = 0.5f + r * (0.16666518f + r * (0.041666206f + r * (0.008368903f + r * 0.0013950515f)));
    float power = 1.0f + (r + r * r * tail);
    /* Two factors: 2^128 is no float, and a subnormal result must be rounded once only. */
    int32_t half = n / 2;
    return power * wasmote_power_of_2(half) * wasmote_power_of_2(n - half);
}

/* log(2^exponent (1 + f)) + correction for sqrt(1/2) - 1 <= f < sqrt(2) - 1. */
static inline float wasmote_log_reduced(int32_t exponent, float f, float correction) {
    float p = 0.12883495f + f * -0.07860939f;
    p = 0.14180957f + f * (-0.13129102f + f * p);
    p = 0.20002295f + f * (-0.16624498f + f * p);
    p = 0.33333316f + f * (-0.2500081f + f * p);
    float square = f * f;
    float low = (float)exponent * WASMOTE_LN2_LOW + correction;
    return (float)exponent * WASMOTE_LN2_HIGH + (f - (0.5f * square - (square * f * p + low)));
}

/* Splits a positive normal x into 2^exponent (1 + f); returns f. */
static inline float wasmote_split(float x, int32_t *exponent) {
    uint32_t bits = wasmote_f32_bits(x) - WASMOTE_SQRT2_BITS + 0x3f800000u;
    *exponent = ((int32_t)bits >> 23) - 126;
    return wasmote_f32(wasmote_f32_bits(x) - ((uint32_t)*exponent << 23)) - 1.0f;
}

static inline float wasmote_logf(float x) {
    if (x != x || x < 0.0f) {
        return wasmote_nan();
    }
    if (x == 0.0f) {
        return -wasmote_infinity();
    }
    if (x == wasmote_infinity()) {
        return x;
    }
    int32_t scale = 0;
    if (x < 0x1p-126f) {
        x *= 0x1p24f;
        scale = -24;
    }
    int32_t exponent;
    float f = wasmote_split(x, &exponent);
    return wasmote_log_reduced(exponent + scale, f, 0.0f);
}

/* log(1 + x), exact to the same bound for small x. */
static inline float wasmote_log1pf(float x) {
    if (x != x || x < -1.0f) {
        return wasmote_nan();
    }
    if (x == -1.0f) {
        return -wasmote_infinity();
    }
    if (x == wasmote_infinity() || x == 0.0f) {
        return x; /* -0 stays -0 */
    }
    if (x > -0.29f && x < 0.41f) {
        return wasmote_log_reduced(0, x, 0.0f);
    }
    float sum = 1.0f + x;
    float lost = x > 1.0f ? 1.0f - (sum - x) : x - (sum - 1.0f); /* what rounding took from 1 + x */
    int32_t exponent;
    float f = wasmote_split(sum, &exponent);
    return wasmote_log_reduced(exponent, f, lost / sum);
}

/* An instruction of WebAssembly, correctly rounded. */
static inline float wasmote_sqrtf(float x) {
    return __builtin_sqrtf(x);
}

/* ---- in f64 --------------------------------------------------------------------------------- */

#define WASMOTE_PI 0x1.921fb54442d18p+1
#define WASMOTE_MAGNITUDE_BITS 0x7fffffffu
#define WASMOTE_INFINITY_BITS 0x7f800000u

static inline uint64_t wasmote_f64_bits(double value) {
    union {
        double value;
        uint64_t bits;
    } pun = {.value = value};
    return pun.bits;
}

static inline double wasmote_f64(uint64_t bits) {
    union {
        uint64_t bits;
        double value;
    } pun = {.bits = bits};
    return pun.value;
}

/* 32 bits of 2/pi, in 8 words of which the first is 0, from bit `at` on. */
static inline uint64_t wasmote_word_of_2_over_pi(uint32_t at) {
    static const uint32_t words[] = {0x00000000, 0xa2f9836e, 0x4e441529, 0xfc2757d1,
                                     0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab};
    const uint64_t two = (uint64_t)words[at >> 5] << 32 | words[(at >> 5) + 1];
    return two << (at & 31) >> 32;
}

/* |x|, finite, as whole quarter turns, of which only the last two bits count, and a rest of at most
 * half of one, in radians.
 *
 * In integers, and as exactly for the largest x (Payne and Hanek, 1983): of the product of x and 2/pi
 * what is a multiple of 4 is not formed at all. x is a mantissa of 24 bits times a power of 2, so 96
 * bits of 2/pi give the product to 2^-70, of which the upper 64 are used. */
static inline double wasmote_rest_of_turns(float x, uint32_t *quarters) {
    const uint32_t bits = wasmote_f32_bits(x) & WASMOTE_MAGNITUDE_BITS;
    if (bits < 0x3f490fdbu) { /* pi / 4 */
        *quarters = 0;
        return (double)wasmote_f32(bits);
    }
    const uint64_t mantissa = (bits & 0x7fffffu) | 0x800000u;
    const uint32_t first = (bits >> 23) - 120; /* the bit of 2/pi that becomes 2 in the product */
    const uint64_t low = mantissa * wasmote_word_of_2_over_pi(first + 64);
    const uint64_t middle = mantissa * wasmote_word_of_2_over_pi(first + 32) + (low >> 32);
    const uint64_t high = mantissa * wasmote_word_of_2_over_pi(first) + (middle >> 32);
    const uint64_t product = high << 32 | (middle & 0xffffffffu); /* in units of 2^-62 */
    const uint64_t rounded = (product + ((uint64_t)1 << 61)) >> 62;
    *quarters = (uint32_t)rounded;
    return (double)(int64_t)(product - (rounded << 62)) * (WASMOTE_PI / 2 * 0x1p-62);
}

/* The sine of so many quarter turns and a rest. */
static inline float wasmote_sine_of_turns(uint32_t quarters, double rest) {
    const double z = rest * rest;
    double value;
    if (quarters & 1) {
        value = 0x1.55554ab331277p-5 + z * (-0x1.6c0c8b3324d4fp-10 + z * 0x1.9a0231da9b244p-16);
        value = 1.0 - 0.5 * z + z * z * value;
    } else {
        value = -0x1.a00f9dab3e811p-13 + z * 0x1.6cd8598fe16d9p-19;
        value = -0x1.5555554cb9f00p-3 + z * (0x1.1111089650f85p-7 + z * value);
        value = rest + rest * z * value;
    }
    return (float)(quarters & 2 ? -value : value);
}

/* The sine of an angle in radians. */
static inline float wasmote_sinf(float x) {
    const uint32_t bits = wasmote_f32_bits(x) & WASMOTE_MAGNITUDE_BITS;
    if (bits >= WASMOTE_INFINITY_BITS) {
        return wasmote_nan();
    }
    if (bits < 0x39000000u) {
        return x; /* below 2^-13 the difference is a 400 millionth; -0 stays -0 */
    }
    uint32_t quarters;
    const double rest = wasmote_rest_of_turns(x, &quarters);
    const float value = wasmote_sine_of_turns(quarters, rest);
    return x < 0.0f ? -value : value;
}

/* The cosine of an angle in radians. */
static inline float wasmote_cosf(float x) {
    if ((wasmote_f32_bits(x) & WASMOTE_MAGNITUDE_BITS) >= WASMOTE_INFINITY_BITS) {
        return wasmote_nan();
    }
    uint32_t quarters;
    const double rest = wasmote_rest_of_turns(x, &quarters);
    return wasmote_sine_of_turns(quarters + 1, rest);
}

/* The arc tangent of low / high, where 0 <= low <= high; of zeros as of 0, of infinities as of 1. */
static inline double wasmote_atan_of_ratio(double low, double high) {
    const double ratio = low == high ? (high == 0.0 ? 0.0 : 1.0) : low / high;
    double u = ratio, base = 0.0;
    if (ratio > 0x1.a827999fcef32p-2) { /* tan(pi / 8) */
        u = (ratio - 1.0) / (ratio + 1.0);
        base = WASMOTE_PI / 4;
    }
    const double w = u * u;
    double value = 0x1.c468058beb52cp-4 + w * (-0x1.5b457c7e3375fp-4 + w * 0x1.84f60615dbbe5p-5);
    value = 0x1.99991a4949121p-3 + w * (-0x1.247f06a2d1a6dp-3 + w * value);
    value = -0x1.555554c89985cp-2 + w * value;
    return base + (u + u * w * value);
}

/* The angle of the point (x, y) in radians, -pi to pi. */
static inline float wasmote_atan2f(float y, float x) {
    if (x != x || y != y) {
        return wasmote_nan();
    }
    const double width = (double)__builtin_fabsf(x), height = (double)__builtin_fabsf(y);
    double angle;
    if (height > width) {
        angle = WASMOTE_PI / 2 - wasmote_atan_of_ratio(width, height);
    } else {
        angle = wasmote_atan_of_ratio(height, width);
    }
    if (wasmote_f32_bits(x) >> 31) {
        angle = WASMOTE_PI - angle;
    }
    return (float)(wasmote_f32_bits(y) >> 31 ? -angle : angle);
}

/* The logarithm to base 2 of a positive normal x. */
static inline double wasmote_log2(double x) {
    const uint64_t bits = wasmote_f64_bits(x);
    int32_t exponent = (int32_t)(bits >> 52) - 1023;
    double m = wasmote_f64((bits & 0xfffffffffffffu) | (uint64_t)1023 << 52);
    if (m > 0x1.6a09e667f3bcdp+0) { /* sqrt(2) */
        m *= 0.5;
        exponent++;
    }
    const double s = (m - 1.0) / (m + 1.0), w = s * s;
    double value = 0x1.a61a2f9e8b98ap-2 + w * (0x1.479536271434ep-2 + w * 0x1.21b29b16e2520p-2);
    value = 0x1.ec709dc53d7e3p-1 + w * (0x1.2776c2921dc1bp-1 + w * value);
    return (double)exponent + s * (0x1.71547652b8250p+1 + w * value);
}

/* 2^t for -1000 < t < 1000. */
static inline double wasmote_exp2(double t) {
    const int32_t n = (int32_t)(t + (t < 0.0 ? -0.5 : 0.5));
    const double f = t - (double)n;
    double value = 0x1.5d8a86836aa5cp-10 + f * (0x1.445ca6ae12cd0p-13 + f * 0x1.fde5cc25a006ap-17);
    value = 0x1.c6b08abf9870bp-5 + f * (0x1.3b29f3757338ep-7 + f * value);
    value = 0x1.62e42ff0e2144p-1 + f * (0x1.ebfbe077ae10cp-3 + f * value);
    return (1.0 + f * value) * wasmote_f64((uint64_t)(n + 1023) << 52);
}

/* What a number is to a power: 0 no whole number, 1 an odd one, 2 an even one, as all above 2^24 are. */
static inline int32_t wasmote_parity(float y) {
    if (__builtin_fabsf(y) >= 0x1p24f) {
        return 2;
    }
    const int32_t whole = (int32_t)y;
    return (float)whole != y ? 0 : whole & 1 ? 1 : 2;
}

/* x^y; at the ends of the range and for negative x as ISO C's Annex F says (F.10.4.4 in C17). */
static inline float wasmote_powf(float x, float y) {
    if (y == 0.0f || x == 1.0f) {
        return 1.0f;
    }
    if (x != x || y != y) {
        return wasmote_nan();
    }
    const float size = __builtin_fabsf(x), infinity = wasmote_infinity();
    const uint32_t negative = wasmote_f32_bits(x) >> 31;
    const float sign = negative && wasmote_parity(y) == 1 ? -1.0f : 1.0f;
    if (size == 1.0f && (y == infinity || y == -infinity)) {
        return 1.0f;
    }
    if (size == 0.0f || size == infinity || y == infinity || y == -infinity) {
        return (size > 1.0f) == (y > 0.0f) ? sign * infinity : sign * 0.0f;
    }
    if (negative && wasmote_parity(y) == 0) {
        return wasmote_nan();
    }
    const double exponent = (double)y * wasmote_log2((double)size);
    if (exponent > 130.0) {
        return sign * infinity;
    }
    if (exponent < -152.0) {
        return sign * 0.0f;
    }
    return (float)((double)sign * wasmote_exp2(exponent));
}

#endif
