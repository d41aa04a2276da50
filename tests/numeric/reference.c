#include "reference.h"

#include <math.h>

#include "instruction.h"
#include "machine/frame.h"

/* ---- i64, the long way -------------------------------------------------------------------------- */

static uint64_t count(uint64_t bits, uint64_t first, bool left, bool until_one) {
    uint64_t n = 0;
    for (unsigned i = 0; i < 64; i++, first = left ? first << 1 : first >> 1) {
        if (until_one && (bits & first) != 0) {
            break;
        }
        n += until_one || (bits & first) != 0;
    }
    return n;
}

static uint64_t rotate_left(uint64_t bits, unsigned times) {
    while (times-- > 0) {
        bits = bits << 1 | bits >> 63;
    }
    return bits;
}

static uint64_t shift_right_signed(uint64_t bits, unsigned times) {
    while (times-- > 0) {
        bits = bits >> 1 | (bits & (uint64_t)1 << 63);
    }
    return bits;
}

static uint64_t extend(uint64_t bits, unsigned width) {
    return shift_right_signed(bits << (64 - width), 64 - width);
}

static enum outcome divide(uint32_t opcode, uint64_t a, uint64_t b, uint64_t *result) {
    const __int128 x = (int64_t)a, y = (int64_t)b;
    if (b == 0) {
        return TRAP_BY_ZERO;
    }
    if (opcode == OPCODE_I64_DIV_U || opcode == OPCODE_I64_REM_U) {
        *result = opcode == OPCODE_I64_DIV_U ? a / b : a % b;
        return RESULT;
    }
    *result = (uint64_t)(opcode == OPCODE_I64_DIV_S ? x / y : x % y);
    return opcode == OPCODE_I64_DIV_S && x / y > INT64_MAX ? TRAP_OVERFLOW : RESULT;
}

static enum outcome of_i64(uint32_t opcode, uint64_t a, uint64_t b, uint64_t *result) {
    const int64_t x = (int64_t)a, y = (int64_t)b;
    switch (opcode) {
#define IS(name, value)                                                                                 \
    case OPCODE_I64_##name:                                                                             \
        *result = (value);                                                                              \
        return RESULT;
        IS(EQZ, a == 0)
        IS(EQ, a == b)
        IS(NE, a != b)
        IS(LT_S, x < y)
        IS(LT_U, a < b)
        IS(GT_S, x > y)
        IS(GT_U, a > b)
        IS(LE_S, x <= y)
        IS(LE_U, a <= b)
        IS(GE_S, x >= y)
        IS(GE_U, a >= b)
        IS(CLZ, count(a, (uint64_t)1 << 63, false, true))
        IS(CTZ, count(a, 1, true, true))
        IS(POPCNT, count(a, 1, true, false))
        IS(SHL, a << (b % 64))
        IS(SHR_S, shift_right_signed(a, b % 64))
        IS(SHR_U, a >> (b % 64))
        IS(ROTL, rotate_left(a, b % 64))
        IS(ROTR, rotate_left(a, 64 - b % 64))
        IS(EXTEND8_S, extend(a, 8))
        IS(EXTEND16_S, extend(a, 16))
        IS(EXTEND32_S, extend(a, 32))
#undef IS
    default:
        return divide(opcode, a, b, result);
    }
}

/* ---- floats ------------------------------------------------------------------------------------- */

static double lower(double x, double y) {
    return isnan(x) || isnan(y) ? x + y : x == y ? (signbit(x) ? x : y) : x < y ? x : y;
}

static double higher(double x, double y) {
    return isnan(x) || isnan(y) ? x + y : x == y ? (signbit(x) ? y : x) : x > y ? x : y;
}

static uint64_t of_f32(uint32_t opcode, uint32_t a, uint32_t b) {
    const float x = f32_from(a), y = f32_from(b);
    switch (opcode) {
    case OPCODE_F32_CEIL:
        return f32_bits(ceilf(x));
    case OPCODE_F32_FLOOR:
        return f32_bits(floorf(x));
    case OPCODE_F32_TRUNC:
        return f32_bits(truncf(x));
    case OPCODE_F32_NEAREST:
        return f32_bits(rintf(x));
    case OPCODE_F32_SQRT:
        return f32_bits(sqrtf(x));
    case OPCODE_F32_ADD:
        return f32_bits(x + y);
    case OPCODE_F32_SUB:
        return f32_bits(x - y);
    case OPCODE_F32_MUL:
        return f32_bits(x * y);
    case OPCODE_F32_DIV:
        return f32_bits(x / y);
    case OPCODE_F32_MIN:
        return f32_bits((float)lower((double)x, (double)y));
    case OPCODE_F32_MAX:
        return f32_bits((float)higher((double)x, (double)y));
    default: /* copysign */
        return (a & 0x7fffffffu) | (b & 0x80000000u);
    }
}

static uint64_t of_f64(uint32_t opcode, uint64_t a, uint64_t b) {
    const double x = f64_from(a), y = f64_from(b);
    switch (opcode) {
#define IS(name, value)                                                                                 \
    case OPCODE_F64_##name:                                                                             \
        return (value);
        IS(EQ, x == y)
        IS(NE, x != y)
        IS(LT, x < y)
        IS(GT, x > y)
        IS(LE, x <= y)
        IS(GE, x >= y)
        IS(ABS, a << 1 >> 1)
        IS(NEG, a ^ (uint64_t)1 << 63)
        IS(CEIL, f64_bits(ceil(x)))
        IS(FLOOR, f64_bits(floor(x)))
        IS(TRUNC, f64_bits(trunc(x)))
        IS(NEAREST, f64_bits(rint(x)))
        IS(SQRT, f64_bits(sqrt(x)))
        IS(ADD, f64_bits(x + y))
        IS(SUB, f64_bits(x - y))
        IS(MUL, f64_bits(x * y))
        IS(DIV, f64_bits(x / y))
        IS(MIN, f64_bits(lower(x, y)))
        IS(MAX, f64_bits(higher(x, y)))
#undef IS
    default: /* copysign */
        return a << 1 >> 1 | b >> 63 << 63;
    }
}

/* ---- conversions -------------------------------------------------------------------------------- */

struct truncation {
    uint32_t trapping, saturating;
    bool from_f32, to_i32;
    double least, beyond; /* the integers from least on, below beyond */
};

#define TO_THE_31 2147483648.0
#define TO_THE_63 9223372036854775808.0
static const struct truncation truncations[] = {
    {OPCODE_I32_TRUNC_F32_S, OPCODE_I32_TRUNC_SAT_F32_S, true, true, -TO_THE_31, TO_THE_31},
    {OPCODE_I32_TRUNC_F32_U, OPCODE_I32_TRUNC_SAT_F32_U, true, true, 0, 2 * TO_THE_31},
    {OPCODE_I32_TRUNC_F64_S, OPCODE_I32_TRUNC_SAT_F64_S, false, true, -TO_THE_31, TO_THE_31},
    {OPCODE_I32_TRUNC_F64_U, OPCODE_I32_TRUNC_SAT_F64_U, false, true, 0, 2 * TO_THE_31},
    {OPCODE_I64_TRUNC_F32_S, OPCODE_I64_TRUNC_SAT_F32_S, true, false, -TO_THE_63, TO_THE_63},
    {OPCODE_I64_TRUNC_F32_U, OPCODE_I64_TRUNC_SAT_F32_U, true, false, 0, 2 * TO_THE_63},
    {OPCODE_I64_TRUNC_F64_S, OPCODE_I64_TRUNC_SAT_F64_S, false, false, -TO_THE_63, TO_THE_63},
    {OPCODE_I64_TRUNC_F64_U, OPCODE_I64_TRUNC_SAT_F64_U, false, false, 0, 2 * TO_THE_63},
};

static enum outcome truncate_to(const struct truncation *to, uint64_t a, uint64_t *result) {
    const double x = trunc(to->from_f32 ? (double)f32_from((uint32_t)a) : f64_from(a));
    enum outcome outcome = RESULT;
    if (isnan(x)) {
        *result = 0;
        outcome = TRAP_CONVERSION;
    } else if (x < to->least) {
        *result = to->least < 0 ? (uint64_t)(int64_t)to->least : 0;
        outcome = TRAP_OVERFLOW;
    } else if (x >= to->beyond) {
        *result = to->beyond == 2 * TO_THE_63 ? UINT64_MAX : (uint64_t)to->beyond - 1;
        outcome = TRAP_OVERFLOW;
    } else {
        *result = x < 0 ? (uint64_t)(int64_t)x : (uint64_t)x;
    }
    *result = to->to_i32 ? (uint32_t)*result : *result;
    return outcome;
}

static bool of_truncation(uint32_t opcode, uint64_t a, uint64_t *result, enum outcome *outcome) {
    for (unsigned i = 0; i < sizeof truncations / sizeof truncations[0]; i++) {
        const struct truncation *to = &truncations[i];
        if (opcode == to->trapping || opcode == to->saturating) {
            *outcome = truncate_to(to, a, result);
            *outcome = opcode == to->saturating ? RESULT : *outcome;
            return true;
        }
    }
    return false;
}

static bool of_conversion(uint32_t opcode, uint64_t a, uint64_t *result) {
    switch (opcode) {
#define IS(name, value)                                                                                 \
    case OPCODE_##name:                                                                                 \
        *result = (value);                                                                              \
        return true;
        IS(F32_CONVERT_I32_S, f32_bits((float)(int32_t)(uint32_t)a))
        IS(F32_CONVERT_I32_U, f32_bits((float)(uint32_t)a))
        IS(F32_CONVERT_I64_S, f32_bits((float)(int64_t)a))
        IS(F32_CONVERT_I64_U, f32_bits((float)a))
        IS(F32_DEMOTE_F64, f32_bits((float)f64_from(a)))
        IS(F64_CONVERT_I32_S, f64_bits((int32_t)(uint32_t)a))
        IS(F64_CONVERT_I32_U, f64_bits((uint32_t)a))
        IS(F64_CONVERT_I64_S, f64_bits((double)(int64_t)a))
        IS(F64_CONVERT_I64_U, f64_bits((double)a))
        IS(F64_PROMOTE_F32, f64_bits((double)f32_from((uint32_t)a)))
#undef IS
    default:
        return false;
    }
}

enum outcome numeric_reference(uint32_t opcode, uint64_t a, uint64_t b, uint64_t *result) {
    enum outcome outcome = RESULT;
    if (of_truncation(opcode, a, result, &outcome) || of_conversion(opcode, a, result)) {
        return outcome;
    }
    switch (instruction_operand(instruction_find(opcode), 0)) {
    case VALUE_F32:
        *result = of_f32(opcode, (uint32_t)a, (uint32_t)b);
        return RESULT;
    case VALUE_F64:
        *result = of_f64(opcode, a, b);
        return RESULT;
    default:
        return of_i64(opcode, a, b, result);
    }
}
