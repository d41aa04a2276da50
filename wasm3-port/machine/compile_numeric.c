/* Arithmetic, comparisons and conversions: which operation, by where the operands are. */
#include "compile.h"
#include "handlers.h"
#include "numeric.h"

/* ---- two operands of 32 bits -------------------------------------------------------------------- */

static void swap(struct value *a, struct value *b) {
    const struct value first = *a;
    *a = *b;
    *b = first;
}

/* a and b are never both in the register, nor, after this, both constants. */
static enum mode mode_of(struct compiler *c, struct value *a, const struct value *b) {
    static const uint8_t modes[3][3] = {
        [IN_SLOT] = {[IN_SLOT] = MODE_SS, [IN_REGISTER] = MODE_SR, [CONSTANT] = MODE_SC},
        [IN_REGISTER] = {[IN_SLOT] = MODE_RS, [CONSTANT] = MODE_RC},
        [CONSTANT] = {[IN_SLOT] = MODE_CS, [IN_REGISTER] = MODE_CR},
    };
    if (a->place == CONSTANT && b->place == CONSTANT) {
        settle_home(c, a);
    }
    return (enum mode)modes[a->place][b->place];
}

static bool prefers_swap(const struct value *a, const struct value *b) {
    return a->place == CONSTANT ? b->place != CONSTANT : a->place == IN_SLOT && b->place == IN_REGISTER;
}

static void compile_binary(struct compiler *c, enum operation_number first, bool commutes,
                           uint8_t type) {
    struct value b = pop_value(c), a = pop_value(c);
    if (commutes && prefers_swap(&a, &b)) {
        swap(&a, &b);
    }
    const enum operation_number operation = first + RESULT_KINDS * mode_of(c, &a, &b);
    free_register(c, type);
    const uint32_t at = emit_operation(c, operation);
    emit_operand(c, &a);
    emit_operand(c, &b);
    emit_result(c, at, operation, type);
}

static void compile_unary(struct compiler *c, enum operation_number first, uint8_t type) {
    struct value a = pop_value(c);
    settle_constant(c, &a);
    const enum operation_number operation =
        first + (a.place == IN_SLOT ? MODE_S : MODE_R) * RESULT_KINDS;
    free_register(c, type);
    const uint32_t at = emit_operation(c, operation);
    emit_operand(c, &a);
    emit_result(c, at, operation, type);
}

static void compile_i32_binary(struct compiler *c, uint32_t opcode) {
    static const uint16_t first[] = {
        OP_i32_add_ss_r,   OP_i32_sub_ss_r,   OP_i32_mul_ss_r,   OP_i32_div_s_ss_r, OP_i32_div_u_ss_r,
        OP_i32_rem_s_ss_r, OP_i32_rem_u_ss_r, OP_i32_and_ss_r,   OP_i32_or_ss_r,    OP_i32_xor_ss_r,
        OP_i32_shl_ss_r,   OP_i32_shr_s_ss_r, OP_i32_shr_u_ss_r, OP_i32_rotl_ss_r,  OP_i32_rotr_ss_r};
    const bool commutes = opcode == OPCODE_I32_ADD || opcode == OPCODE_I32_MUL ||
                          (opcode >= OPCODE_I32_AND && opcode <= OPCODE_I32_XOR);
    compile_binary(c, first[opcode - OPCODE_I32_ADD], commutes, VALUE_I32);
}

static void compile_f32_binary(struct compiler *c, uint32_t opcode) {
    static const uint16_t first[] = {OP_f32_add_ss_r, OP_f32_sub_ss_r, OP_f32_mul_ss_r, OP_f32_div_ss_r};
    compile_binary(c, first[opcode - OPCODE_F32_ADD],
                   opcode == OPCODE_F32_ADD || opcode == OPCODE_F32_MUL, VALUE_F32);
}

/* ---- comparisons -------------------------------------------------------------------------------- */

/* Conditions by their order in CONDITIONS_I32 and CONDITIONS_F32. */
#define CONDITION_OF(operation, first) (((operation) - (first)) / COMPARE_SPAN)
enum { CONDITIONS_EQUAL = 2 }; /* the first two, eq and ne, are the same seen from the other side */

/* lt for gt and so on. The i32 ones come as lt_s ge_s lt_u ge_u, then gt_s le_s gt_u le_u; the f32
 * ones as lt nlt, gt ngt, le nle, ge nge. */
static unsigned mirror_i32(unsigned condition) {
    return condition < CONDITIONS_EQUAL ? condition : condition < 6 ? condition + 4 : condition - 4;
}

static unsigned mirror_f32(unsigned condition) {
    static const uint8_t mirrored[] = {0, 1, 4, 5, 2, 3, 8, 9, 6, 7};
    return mirrored[condition];
}

static void compare(struct compiler *c, enum operation_number family, unsigned condition,
                    struct value *a, struct value *b) {
    if (prefers_swap(a, b)) {
        swap(a, b);
        condition = family == OP_f32_eq_ss_r ? mirror_f32(condition) : mirror_i32(condition);
    }
    const enum mode mode = mode_of(c, a, b);
    const enum operation_number operation = family + condition * COMPARE_SPAN + mode * OUTCOME_KINDS;
    free_register(c, VALUE_I32);
    const uint32_t at = emit_operation(c, operation);
    emit_operand(c, a);
    emit_operand(c, b);
    emit_comparison(c, at, operation);
}

static void compile_i32_compare(struct compiler *c, uint32_t opcode) {
    /* eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u */
    static const uint8_t conditions[] = {0, 1, 2, 4, 6, 8, 7, 9, 3, 5};
    struct value b = pop_value(c), a = pop_value(c);
    compare(c, OP_i32_eq_ss_r, conditions[opcode - OPCODE_I32_EQ], &a, &b);
}

static void compile_f32_compare(struct compiler *c, uint32_t opcode) {
    static const uint8_t conditions[] = {0, 1, 2, 4, 6, 8}; /* eq ne lt gt le ge */
    struct value b = pop_value(c), a = pop_value(c);
    compare(c, OP_f32_eq_ss_r, conditions[opcode - OPCODE_F32_EQ], &a, &b);
}

static enum operation_number inverse(enum operation_number operation) {
    const enum operation_number first = operation >= OP_f32_eq_ss_r ? OP_f32_eq_ss_r : OP_i32_eq_ss_r;
    const unsigned condition = CONDITION_OF(operation, first);
    return first + (condition ^ 1) * COMPARE_SPAN + (operation - first) % COMPARE_SPAN;
}

static void change_comparison(struct compiler *c, enum operation_number operation, enum result result) {
    c->last.operation = (uint16_t)operation;
    patch_cell(c, c->last.at, (cell)machine_handlers[operation + result]);
}

/* Of a comparison just made: the inverse comparison. */
static void compile_i32_eqz(struct compiler *c) {
    struct value a = pop_value(c);
    if (a.place == IN_REGISTER && c->last.kind == LAST_COMPARE) {
        change_comparison(c, inverse(c->last.operation), RESULT_REGISTER);
        push_register(c, VALUE_I32);
        return;
    }
    struct value zero = {.type = VALUE_I32, .place = CONSTANT};
    compare(c, OP_i32_eq_ss_r, 0, &a, &zero);
}

void compile_condition(struct compiler *c, struct value *condition, bool when, bool loop) {
    const enum result result = loop ? RESULT_LOOP : RESULT_BRANCH;
    if (condition->place == IN_REGISTER && c->last.kind == LAST_COMPARE) {
        const enum operation_number operation = (enum operation_number)c->last.operation;
        change_comparison(c, when ? operation : inverse(operation), result);
        c->last.kind = LAST_FIXED;
        return;
    }
    settle_constant(c, condition);
    const enum mode mode = condition->place == IN_REGISTER ? MODE_RC : MODE_SC;
    const unsigned unequal = when ? 1 : 0;
    emit_operation(c, OP_i32_eq_ss_r + unequal * COMPARE_SPAN + mode * OUTCOME_KINDS + result);
    emit_operand(c, condition);
    emit(c, 0);
}

/* ---- between types ------------------------------------------------------------------------------ */

static void compile_reinterpret(struct compiler *c, uint8_t type) {
    struct value a = pop_value(c);
    c->last.kind = LAST_FIXED;
    if (a.place == CONSTANT) {
        push_constant(c, type, a.low, a.high);
    } else if (a.place == IN_SLOT) {
        push_slot(c, type, a.slot);
    } else if (c->held[register_of(type)] == NOT_HELD) {
        emit_operation(c, type == VALUE_F32 ? OP_move_fr : OP_move_rf);
        push_register(c, type);
    } else {
        settle_home(c, &a);
        push_slot(c, type, a.slot);
    }
}

/* The low slot of the 64 bits. */
static void compile_wrap(struct compiler *c) {
    struct value a = pop_value(c);
    c->last.kind = LAST_FIXED;
    if (a.place == CONSTANT) {
        push_constant(c, VALUE_I32, a.low, 0);
    } else {
        push_slot(c, VALUE_I32, a.slot);
    }
}

static void extend_constant(struct compiler *c, uint32_t low, bool is_signed) {
    push_constant(c, VALUE_I64, low, is_signed && (int32_t)low < 0 ? UINT32_MAX : 0);
}

void compile_extension(struct compiler *c, bool is_signed) {
    struct value a = pop_value(c);
    if (a.place == CONSTANT) {
        extend_constant(c, a.low, is_signed);
    } else if (is_signed) {
        emit_operation(c, a.place == IN_SLOT ? OP_i64_extend_s : OP_i64_extend_r);
        emit_operand(c, &a);
        emit_result_in_slot(c, VALUE_I64);
    } else {
        settle_home(c, &a);
        emit_operation(c, OP_set);
        emit(c, 0);
        emit_slot(c, a.home + 1u);
        push_home(c, VALUE_I64);
    }
}

/* ---- by a C function ---------------------------------------------------------------------------- */

static unsigned operand_count(const struct instruction *row) {
    return instruction_operand(row, 1) != VALUE_NONE ? 2 : 1;
}

static enum operation_number operation_for(const struct numeric *numeric, unsigned operands) {
    switch (numeric->kind) {
    case NUMERIC_UNARY64:
        return OP_unary64;
    case NUMERIC_BINARY64:
        return OP_binary64;
    case NUMERIC_COMPARE64:
        return OP_compare64_r;
    default:
        return operands == 2 ? OP_slow_3 : OP_slow_2;
    }
}

static void compile_function(struct compiler *c, const struct numeric *numeric,
                             const struct instruction *row) {
    struct value operands[2] = {{.place = IN_SLOT}, {.place = IN_SLOT}};
    const unsigned count = operand_count(row);
    for (unsigned i = count; i-- > 0;) {
        operands[i] = pop_value(c);
    }
    for (unsigned i = count; i-- > 0;) {
        settle_in_any_slot(c, &operands[i]);
    }
    const enum operation_number operation = operation_for(numeric, count);
    free_register(c, instruction_result(row));
    const uint32_t at = emit_operation(c, operation);
    emit(c, (cell)numeric->function);
    for (unsigned i = 0; i < count; i++) {
        emit_slot(c, operands[i].slot);
    }
    if (operation == OP_compare64_r) {
        emit_result(c, at, operation, VALUE_I32);
    } else {
        emit_result_in_slot(c, instruction_result(row));
    }
}

/* first: its form with both operands in slots; the next takes a constant. */
static void compile_i64_binary(struct compiler *c, enum operation_number first) {
    struct value b = pop_value(c), a = pop_value(c);
    if (a.place == CONSTANT && first != OP_i64_sub_ss) {
        swap(&a, &b);
    }
    settle_in_any_slot(c, &a);
    emit_operation(c, b.place == CONSTANT ? first + 1 : first);
    emit_slot(c, a.slot);
    if (b.place == CONSTANT) {
        emit(c, b.low);
        emit(c, b.high);
    } else {
        emit_slot(c, b.slot);
    }
    emit_result_in_slot(c, VALUE_I64);
}

/* By a constant; by anything else it is a C function. */
static bool compile_i64_shift(struct compiler *c, uint32_t opcode) {
    static const uint16_t operations[] = {OP_i64_shl_sc, OP_i64_shr_s_sc, OP_i64_shr_u_sc};
    if (opcode < OPCODE_I64_SHL || opcode > OPCODE_I64_SHR_U ||
        c->values[c->count - 1].place != CONSTANT) {
        return false;
    }
    const struct value count = pop_value(c);
    struct value a = pop_value(c);
    settle_in_any_slot(c, &a);
    emit_operation(c, operations[opcode - OPCODE_I64_SHL]);
    emit_slot(c, a.slot);
    emit(c, count.low & 63);
    emit_result_in_slot(c, VALUE_I64);
    return true;
}

/* ---- all of them -------------------------------------------------------------------------------- */

static bool compile_one_to_one(struct compiler *c, uint32_t opcode) {
    static const struct {
        uint16_t opcode, operation;
        uint8_t type; /* of the result; VALUE_I64: two operands in slots */
    } rows[] = {
        {OPCODE_I32_CLZ, OP_i32_clz_s_r, VALUE_I32},
        {OPCODE_I32_CTZ, OP_i32_ctz_s_r, VALUE_I32},
        {OPCODE_I32_POPCNT, OP_i32_popcnt_s_r, VALUE_I32},
        {OPCODE_I32_EXTEND8_S, OP_i32_extend8_s_s_r, VALUE_I32},
        {OPCODE_I32_EXTEND16_S, OP_i32_extend16_s_s_r, VALUE_I32},
        {OPCODE_F32_ABS, OP_f32_abs_s_r, VALUE_F32},
        {OPCODE_F32_NEG, OP_f32_neg_s_r, VALUE_F32},
        {OPCODE_F32_SQRT, OP_f32_sqrt_s_r, VALUE_F32},
        {OPCODE_F32_CONVERT_I32_S, OP_f32_convert_i32_s_s_r, VALUE_F32},
        {OPCODE_F32_CONVERT_I32_U, OP_f32_convert_i32_u_s_r, VALUE_F32},
        {OPCODE_I64_ADD, OP_i64_add_ss, VALUE_I64},
        {OPCODE_I64_SUB, OP_i64_sub_ss, VALUE_I64},
        {OPCODE_I64_MUL, OP_i64_mul_ss, VALUE_I64},
        {OPCODE_I64_AND, OP_i64_and_ss, VALUE_I64},
        {OPCODE_I64_OR, OP_i64_or_ss, VALUE_I64},
        {OPCODE_I64_XOR, OP_i64_xor_ss, VALUE_I64},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].opcode == opcode) {
            if (rows[i].type == VALUE_I64) {
                compile_i64_binary(c, rows[i].operation);
            } else {
                compile_unary(c, rows[i].operation, rows[i].type);
            }
            return true;
        }
    }
    return false;
}

static bool compile_change_of_type(struct compiler *c, uint32_t opcode) {
    switch (opcode) {
    case OPCODE_I32_WRAP_I64:
        compile_wrap(c);
        return true;
    case OPCODE_I64_EXTEND_I32_S:
    case OPCODE_I64_EXTEND_I32_U:
        compile_extension(c, opcode == OPCODE_I64_EXTEND_I32_S);
        return true;
    case OPCODE_I32_REINTERPRET_F32:
    case OPCODE_I64_REINTERPRET_F64:
    case OPCODE_F32_REINTERPRET_I32:
    case OPCODE_F64_REINTERPRET_I64:
        compile_reinterpret(c, (uint8_t)instruction_result(instruction_find(opcode)));
        return true;
    default:
        return false;
    }
}

bool compile_numeric(struct compiler *c, uint32_t opcode) {
    struct numeric numeric;
    if (opcode == OPCODE_I32_EQZ) {
        compile_i32_eqz(c);
    } else if (opcode >= OPCODE_I32_EQ && opcode <= OPCODE_I32_GE_U) {
        compile_i32_compare(c, opcode);
    } else if (opcode >= OPCODE_F32_EQ && opcode <= OPCODE_F32_GE) {
        compile_f32_compare(c, opcode);
    } else if (opcode >= OPCODE_I32_ADD && opcode <= OPCODE_I32_ROTR) {
        compile_i32_binary(c, opcode);
    } else if (opcode >= OPCODE_F32_ADD && opcode <= OPCODE_F32_DIV) {
        compile_f32_binary(c, opcode);
    } else if (compile_one_to_one(c, opcode) || compile_change_of_type(c, opcode) ||
               compile_i64_shift(c, opcode)) {
        return true;
    } else if (machine_numeric_find(opcode, &numeric)) {
        compile_function(c, &numeric, instruction_find(opcode));
    } else {
        return false;
    }
    return true;
}
