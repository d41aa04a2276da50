#include "apply.h"

#include "instruction.h"
#include "machine/numeric.h"
#include "machine/traps.h"

const trap_text m3Err_trapDivisionByZero = "[trap] integer divide by zero";
const trap_text m3Err_trapIntegerOverflow = "[trap] integer overflow";
const trap_text m3Err_trapIntegerConversion = "[trap] invalid conversion to integer";

static bool is_wide(enum value_type type) {
    return type == VALUE_I64 || type == VALUE_F64;
}

/* ---- a call ------------------------------------------------------------------------------------- */

/* Slots of the operands and the result, odd ones: nothing may count on 64-bit alignment. */
enum { SLOT_A = 1, SLOT_B = 3, SLOT_RESULT = 5, SLOTS = 8 };
#define UNTOUCHED 0x5eed5eedu

static enum outcome outcome_of(trap_text trap) {
    return trap == NULL                          ? RESULT
           : trap == m3Err_trapDivisionByZero    ? TRAP_BY_ZERO
           : trap == m3Err_trapIntegerOverflow   ? TRAP_OVERFLOW
           : trap == m3Err_trapIntegerConversion ? TRAP_CONVERSION
                                                 : MISSING;
}

static void put(slot *frame, unsigned to, enum value_type type, uint64_t bits) {
    frame[to] = (slot)bits;
    if (is_wide(type)) {
        frame[to + 1] = (slot)(bits >> 32);
    }
}

static bool is_whole(const slot *frame, unsigned result_slots) {
    for (unsigned i = 0; i < SLOTS; i++) {
        const bool used = i >= SLOT_A && i < SLOT_RESULT + result_slots;
        if (!used && frame[i] != UNTOUCHED) {
            return false;
        }
    }
    return true;
}

static enum outcome apply_slow(void (*function)(void), const struct instruction *row, uint64_t a,
                               uint64_t b, uint64_t *result) {
    slot frame[SLOTS];
    for (unsigned i = 0; i < SLOTS; i++) {
        frame[i] = UNTOUCHED;
    }
    cell at[3] = {SLOT_A * sizeof(slot)};
    put(frame, SLOT_A, instruction_operand(row, 0), a);
    const bool two = instruction_operand(row, 1) != VALUE_NONE;
    if (two) {
        put(frame, SLOT_B, instruction_operand(row, 1), b);
        at[1] = SLOT_B * sizeof(slot);
    }
    at[two ? 2 : 1] = SLOT_RESULT * sizeof(slot);
    const enum outcome outcome = outcome_of(((slow_operation)function)(frame, at, NULL));
    const bool wide = is_wide(instruction_result(row));
    if (outcome != RESULT) {
        return is_whole(frame, 0) ? outcome : MISSING;
    }
    *result = wide ? frame_get64(frame, SLOT_RESULT * sizeof(slot)) : frame[SLOT_RESULT];
    return is_whole(frame, wide ? 2 : 1) ? RESULT : MISSING;
}

bool numeric_is_handled_f32(uint32_t opcode) {
    return (opcode >= OPCODE_F32_SQRT && opcode <= OPCODE_F32_DIV) ||
           opcode == OPCODE_F32_CONVERT_I32_S || opcode == OPCODE_F32_CONVERT_I32_U;
}

static uint32_t apply_f32(uint32_t opcode, uint32_t a, uint32_t b) {
    const float x = f32_from(a), y = f32_from(b);
    switch (opcode) {
    case OPCODE_F32_SQRT:
        return f32_bits(machine_f32_sqrt(x));
    case OPCODE_F32_ADD:
        return f32_bits(x + y);
    case OPCODE_F32_SUB:
        return f32_bits(x - y);
    case OPCODE_F32_MUL:
        return f32_bits(x * y);
    case OPCODE_F32_DIV:
        return f32_bits(x / y);
    default:
        return f32_bits(opcode == OPCODE_F32_CONVERT_I32_S ? (float)(int32_t)a : (float)a);
    }
}

enum outcome numeric_apply(uint32_t opcode, uint64_t a, uint64_t b, uint64_t *result) {
    struct numeric numeric;
    if (numeric_is_handled_f32(opcode)) {
        *result = apply_f32(opcode, (uint32_t)a, (uint32_t)b);
        return RESULT;
    }
    if (!machine_numeric_find(opcode, &numeric)) {
        return MISSING;
    }
    switch (numeric.kind) {
    case NUMERIC_UNARY64:
        *result = ((unary64_function)numeric.function)(a);
        return RESULT;
    case NUMERIC_BINARY64:
        *result = ((binary64_function)numeric.function)(a, b);
        return RESULT;
    case NUMERIC_COMPARE64:
        *result = ((compare64_function)numeric.function)(a, b);
        return RESULT;
    default:
        return apply_slow(numeric.function, instruction_find(opcode), a, b, result);
    }
}

/* ---- NaNs --------------------------------------------------------------------------------------- */

static uint64_t canonical(enum value_type type) {
    return type == VALUE_F32 ? 0x7fc00000u : 0x7ff8000000000000u;
}

static uint64_t magnitude(enum value_type type, uint64_t bits) {
    return bits & (type == VALUE_F32 ? 0x7fffffffu : 0x7fffffffffffffffu);
}

static bool is_nan(enum value_type type, uint64_t bits) {
    if (type != VALUE_F32 && type != VALUE_F64) {
        return false;
    }
    return magnitude(type, bits) > (type == VALUE_F32 ? 0x7f800000u : 0x7ff0000000000000u);
}

static bool is_other_nan(enum value_type type, uint64_t bits) {
    return is_nan(type, bits) && magnitude(type, bits) != canonical(type);
}

/* Those that change nothing but the sign are not arithmetic. */
static bool is_arithmetic(uint32_t opcode) {
    return opcode != OPCODE_F32_COPYSIGN && opcode != OPCODE_F64_COPYSIGN && opcode != OPCODE_F64_ABS &&
           opcode != OPCODE_F64_NEG;
}

bool numeric_agrees(uint32_t opcode, uint64_t a, uint64_t b, uint64_t got, uint64_t want) {
    const struct instruction *row = instruction_find(opcode);
    const enum value_type type = instruction_result(row);
    if (!is_arithmetic(opcode) || !is_nan(type, want)) {
        return got == want;
    }
    if (is_other_nan(instruction_operand(row, 0), a) || is_other_nan(instruction_operand(row, 1), b)) {
        return (got & canonical(type)) == canonical(type);
    }
    return magnitude(type, got) == canonical(type);
}
