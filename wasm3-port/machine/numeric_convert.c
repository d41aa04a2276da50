/* Conversions between types. */
#include "numeric_list.h"

#include "traps.h"

/* ---- floats to integers -------------------------------------------------------------------------
 * Each has two bounds, as bits of a magnitude: the first number too high, the first too low. */

enum fit { FITS, TOO_LOW, TOO_HIGH, IS_NAN };

static inline enum fit fit_f32(uint32_t bits, uint32_t high, uint32_t low) {
    const uint32_t magnitude = bits & 0x7fffffffu;
    const bool negative = bits >> 31;
    if (magnitude < (negative ? low : high)) {
        return FITS;
    }
    return magnitude > 0x7f800000u ? IS_NAN : negative ? TOO_LOW : TOO_HIGH;
}

static inline enum fit fit_f64(uint64_t bits, uint64_t high, uint64_t low) {
    const uint64_t magnitude = bits & 0x7fffffffffffffffu;
    const bool negative = bits >> 63;
    if (magnitude < (negative ? low : high)) {
        return FITS;
    }
    return magnitude > 0x7ff0000000000000u ? IS_NAN : negative ? TOO_LOW : TOO_HIGH;
}

/* Of numbers that fit: the significand, its first bit on top, is shifted down to the integer. */
static inline uint32_t shift_down32(uint32_t significand, int exponent, bool negative) {
    const uint32_t magnitude = exponent < 0 ? 0 : significand >> (31 - exponent);
    return negative ? -magnitude : magnitude;
}

static inline uint64_t shift_down64(uint64_t significand, int exponent, bool negative) {
    const uint64_t magnitude = exponent < 0 ? 0 : significand >> (63 - exponent);
    return negative ? -magnitude : magnitude;
}

static uint32_t i32_of_f32(uint32_t bits) {
    return shift_down32(bits << 8 | 0x80000000u, (int)(bits >> 23 & 0xff) - 127, bits >> 31);
}

static uint32_t i32_of_f64(uint64_t bits) {
    return shift_down32((uint32_t)(bits >> 21) | 0x80000000u, (int)(bits >> 52 & 0x7ff) - 1023,
                        bits >> 63);
}

static uint64_t i64_of_f32(uint32_t bits) {
    return shift_down64((uint64_t)(bits << 8 | 0x80000000u) << 32, (int)(bits >> 23 & 0xff) - 127,
                        bits >> 31);
}

static uint64_t i64_of_f64(uint64_t bits) {
    return shift_down64(bits << 11 | (uint64_t)1 << 63, (int)(bits >> 52 & 0x7ff) - 1023, bits >> 63);
}

static trap_text trap_of(enum fit fit) {
    return fit == IS_NAN ? m3Err_trapIntegerConversion : m3Err_trapIntegerOverflow;
}

#define get_f32 frame_get
#define get_f64 frame_get64
#define put_i32 frame_put
#define put_i64 frame_put64

/* The trapping and the saturating one. */
#define TRUNCATIONS(to, from, sign, bits_type, type, high, low, lowest, highest)                        \
    SLOW(to##_trunc_##from##_##sign) {                                                                  \
        const bits_type bits = get_##from(frame, at[0]);                                                \
        const enum fit fit = fit_##from(bits, high, low);                                               \
        if (fit != FITS) {                                                                              \
            return trap_of(fit);                                                                        \
        }                                                                                               \
        put_##to(frame, at[1], to##_of_##from(bits));                                                   \
        return NULL;                                                                                    \
    }                                                                                                   \
    SLOW(to##_trunc_sat_##from##_##sign) {                                                              \
        const bits_type bits = get_##from(frame, at[0]);                                                \
        const enum fit fit = fit_##from(bits, high, low);                                               \
        put_##to(frame, at[1],                                                                          \
                 fit == FITS       ? to##_of_##from(bits)                                               \
                 : fit == TOO_HIGH ? (type)(highest)                                                    \
                 : fit == TOO_LOW  ? (type)(lowest)                                                     \
                                   : 0);                                                                 \
        return NULL;                                                                                    \
    }

/* 2^31, 2^31 + 1 or the next f32; 2^32, 1; and so on. */
TRUNCATIONS(i32, f32, s, uint32_t, uint32_t, 0x4f000000u, 0x4f000001u, INT32_MIN, INT32_MAX)
TRUNCATIONS(i32, f32, u, uint32_t, uint32_t, 0x4f800000u, 0x3f800000u, 0, UINT32_MAX)
TRUNCATIONS(i32, f64, s, uint64_t, uint32_t, 0x41e0000000000000u, 0x41e0000000200000u, INT32_MIN,
            INT32_MAX)
TRUNCATIONS(i32, f64, u, uint64_t, uint32_t, 0x41f0000000000000u, 0x3ff0000000000000u, 0, UINT32_MAX)
TRUNCATIONS(i64, f32, s, uint32_t, uint64_t, 0x5f000000u, 0x5f000001u, INT64_MIN, INT64_MAX)
TRUNCATIONS(i64, f32, u, uint32_t, uint64_t, 0x5f800000u, 0x3f800000u, 0, UINT64_MAX)
TRUNCATIONS(i64, f64, s, uint64_t, uint64_t, 0x43e0000000000000u, 0x43e0000000000001u, INT64_MIN,
            INT64_MAX)
TRUNCATIONS(i64, f64, u, uint64_t, uint64_t, 0x43f0000000000000u, 0x3ff0000000000000u, 0, UINT64_MAX)

/* ---- integers to floats, floats to floats ------------------------------------------------------- */

SLOW(f32_convert_i64_s) {
    frame_put(frame, at[1], f32_bits((float)(int64_t)frame_get64(frame, at[0])));
    return NULL;
}

SLOW(f32_convert_i64_u) {
    frame_put(frame, at[1], f32_bits((float)frame_get64(frame, at[0])));
    return NULL;
}

SLOW(f32_demote_f64) {
    frame_put(frame, at[1], f32_bits((float)f64_from(frame_get64(frame, at[0]))));
    return NULL;
}

SLOW(f64_convert_i32_s) {
    frame_put64(frame, at[1], f64_bits((int32_t)frame_get(frame, at[0])));
    return NULL;
}

SLOW(f64_convert_i32_u) {
    frame_put64(frame, at[1], f64_bits(frame_get(frame, at[0])));
    return NULL;
}

SLOW(f64_promote_f32) {
    frame_put64(frame, at[1], f64_bits((double)f32_from(frame_get(frame, at[0]))));
    return NULL;
}
