/* expf, logf, log1pf and sqrtf in plain f32 arithmetic, so that every engine, board and host gives
 * the same bits: WebAssembly rounds +, -, * and / alike everywhere, but has no exp or log.
 *
 * Error below 1 ulp over the whole range, subnormals included; NaN results are the canonical quiet
 * NaN. Needs a compiler that does not contract a*b+c (-ffp-contract=off).
 *
 * Polynomials: least maximum error on the reduced range, coefficients rounded to binary32. */
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

#endif
