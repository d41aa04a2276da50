#include "numeric_list.h"

#include "traps.h"

SLOW(i64_eqz) {
    frame_put(frame, at[1], frame_get64(frame, at[0]) == 0);
    return NULL;
}

#define COMPARISON(name, type, operator)                                                                \
    COMPARE64(i64_##name) {                                                                             \
        return (type)a operator(type) b;                                                                \
    }

COMPARISON(eq, uint64_t, ==)
COMPARISON(ne, uint64_t, !=)
COMPARISON(lt_s, int64_t, <)
COMPARISON(lt_u, uint64_t, <)
COMPARISON(gt_s, int64_t, >)
COMPARISON(gt_u, uint64_t, >)
COMPARISON(le_s, int64_t, <=)
COMPARISON(le_u, uint64_t, <=)
COMPARISON(ge_s, int64_t, >=)
COMPARISON(ge_u, uint64_t, >=)

UNARY64(i64_clz) {
    return a == 0 ? 64 : (uint64_t)__builtin_clzll(a);
}

UNARY64(i64_ctz) {
    return a == 0 ? 64 : (uint64_t)__builtin_ctzll(a);
}

/* Bits of each pair, of each four, of each eight, and all of them. */
static uint32_t count_ones(uint32_t a) {
    a -= a >> 1 & 0x55555555u;
    a = (a & 0x33333333u) + (a >> 2 & 0x33333333u);
    return ((a + (a >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24;
}

UNARY64(i64_popcnt) {
    return count_ones((uint32_t)a) + count_ones((uint32_t)(a >> 32));
}

UNARY64(i64_extend8_s) {
    return (uint64_t)(int64_t)(int8_t)a;
}

UNARY64(i64_extend16_s) {
    return (uint64_t)(int64_t)(int16_t)a;
}

UNARY64(i64_extend32_s) {
    return (uint64_t)(int64_t)(int32_t)a;
}

BINARY64(i64_shl) {
    return a << (b & 63);
}

BINARY64(i64_shr_s) {
    return (uint64_t)((int64_t)a >> (b & 63));
}

BINARY64(i64_shr_u) {
    return a >> (b & 63);
}

BINARY64(i64_rotl) {
    return a << (b & 63) | a >> (-b & 63);
}

BINARY64(i64_rotr) {
    return a >> (b & 63) | a << (-b & 63);
}

/* ---- division ----------------------------------------------------------------------------------- */

SLOW(i64_div_s) {
    const int64_t a = (int64_t)frame_get64(frame, at[0]), b = (int64_t)frame_get64(frame, at[1]);
    if (b == 0) {
        return m3Err_trapDivisionByZero;
    }
    if (a == INT64_MIN && b == -1) {
        return m3Err_trapIntegerOverflow;
    }
    frame_put64(frame, at[2], (uint64_t)(a / b));
    return NULL;
}

SLOW(i64_div_u) {
    const uint64_t b = frame_get64(frame, at[1]);
    if (b == 0) {
        return m3Err_trapDivisionByZero;
    }
    frame_put64(frame, at[2], frame_get64(frame, at[0]) / b);
    return NULL;
}

SLOW(i64_rem_s) {
    const int64_t a = (int64_t)frame_get64(frame, at[0]), b = (int64_t)frame_get64(frame, at[1]);
    if (b == 0) {
        return m3Err_trapDivisionByZero;
    }
    frame_put64(frame, at[2], b == -1 ? 0 : (uint64_t)(a % b));
    return NULL;
}

SLOW(i64_rem_u) {
    const uint64_t b = frame_get64(frame, at[1]);
    if (b == 0) {
        return m3Err_trapDivisionByZero;
    }
    frame_put64(frame, at[2], frame_get64(frame, at[0]) % b);
    return NULL;
}
