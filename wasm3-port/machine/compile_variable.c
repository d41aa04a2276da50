/* Locals, globals, constants, drop and select. */
#include "compile.h"
#include "handlers.h"
#include "memory.h"

/* ---- constants ---------------------------------------------------------------------------------- */

static void push_64(struct compiler *c, uint8_t type, uint64_t bits) {
    push_constant(c, type, (uint32_t)bits, (uint32_t)(bits >> 32));
}

/* ---- locals ------------------------------------------------------------------------------------- */

/* Reads nothing yet: whoever needs it takes it from the local's own slot. */
static void compile_local_get(struct compiler *c) {
    const struct local *local = &c->locals[wasm_u32(&c->in)];
    settle_oldest(c);
    push_slot(c, local->type, local->slot);
}

static void compile_local_set(struct compiler *c) {
    const struct local *local = &c->locals[wasm_u32(&c->in)];
    struct value value = pop_value(c);
    settle_readers(c, local);
    settle_in(c, &value, local->slot);
}

static void compile_local_tee(struct compiler *c) {
    const struct local *local = &c->locals[wasm_u32(&c->in)];
    struct value value = pop_value(c);
    const struct value before = value;
    settle_readers(c, local);
    settle_in(c, &value, local->slot);
    if (before.place == CONSTANT) {
        push_constant(c, local->type, before.low, before.high);
    } else if (before.place == IN_REGISTER && c->last.kind == LAST_FIXED) {
        push_register(c, local->type); /* it has been copied and is there still */
    } else {
        push_slot(c, local->type, local->slot);
    }
}

/* ---- globals ------------------------------------------------------------------------------------ */

static void compile_global_get(struct compiler *c) {
    M3Global *global = &c->module->globals[wasm_u32(&c->in)];
    if (!global->isMutable) {
        push_64(c, global->type, (uint64_t)global->intValue);
        return;
    }
    if (slots_of(global->type) == 2) {
        emit_operation(c, OP_abs_load64);
        emit(c, (cell)&global->intValue);
        emit_result_in_slot(c, global->type);
        return;
    }
    const enum operation_number load = global->type == VALUE_F32 ? OP_abs_load_f_r : OP_abs_load_r;
    free_register(c, global->type);
    const uint32_t at = emit_operation(c, load);
    emit(c, (cell)&global->intValue);
    emit_result(c, at, load, global->type);
}

static void compile_global_set(struct compiler *c) {
    M3Global *global = &c->module->globals[wasm_u32(&c->in)];
    struct value value = pop_value(c);
    if (slots_of(global->type) == 2) {
        if (value.place == CONSTANT) {
            settle_home(c, &value);
        }
        emit_operation(c, OP_abs_store64);
    } else if (value.place == IN_REGISTER) {
        emit_operation(c, value.type == VALUE_F32 ? OP_abs_store_f : OP_abs_store_r);
    } else {
        emit_operation(c, value.place == CONSTANT ? OP_abs_store_c : OP_abs_store_s);
    }
    if (value.place == IN_SLOT) {
        emit_slot(c, value.slot);
    } else if (value.place == CONSTANT) {
        emit(c, value.low);
    }
    emit(c, (cell)&global->intValue);
}

/* ---- select ------------------------------------------------------------------------------------- */

static void select_known(struct compiler *c, bool first, struct value *a, struct value *b) {
    const struct value *chosen = first ? a : b;
    if (chosen->place == CONSTANT) {
        push_constant(c, chosen->type, chosen->low, chosen->high);
    } else if (chosen->place == IN_REGISTER) {
        push_register(c, chosen->type);
    } else {
        const unsigned home = a->home;
        struct value copy = *chosen;
        if (copy.slot >= c->operands_start) {
            settle_in(c, &copy, home); /* its old home will belong to others */
        }
        push_slot(c, copy.type, copy.slot);
    }
}

static void compile_select(struct compiler *c) {
    struct value condition = pop_value(c), b = pop_value(c), a = pop_value(c);
    if (condition.place == CONSTANT) {
        select_known(c, condition.low != 0, &a, &b);
        return;
    }
    settle_in_any_slot(c, &b); /* the one computed last may go there at once */
    settle_in_any_slot(c, &a);
    if (slots_of(a.type) == 2) {
        settle_in_any_slot(c, &condition);
        emit_operation(c, OP_slow_4);
        emit(c, (cell)machine_select64);
        emit_slot(c, condition.slot);
        emit_slot(c, a.slot);
        emit_slot(c, b.slot);
        emit_result_in_slot(c, a.type);
        return;
    }
    const enum operation_number select = condition.place == IN_SLOT ? OP_select_s_r : OP_select_r_r;
    free_register(c, VALUE_I32);
    const uint32_t at = emit_operation(c, a.type == VALUE_F32 ? select + RESULT_SLOT : select);
    if (condition.place == IN_SLOT) {
        emit_slot(c, condition.slot);
    }
    emit_slot(c, a.slot);
    emit_slot(c, b.slot);
    if (a.type == VALUE_F32) {
        emit_result_in_slot(c, a.type);
    } else {
        emit_result(c, at, select, a.type);
    }
}

bool compile_variable(struct compiler *c, uint32_t opcode) {
    switch (opcode) {
    case OPCODE_DROP:
        (void)pop_value(c);
        break;
    case OPCODE_SELECT:
        compile_select(c);
        break;
    case OPCODE_LOCAL_GET:
        compile_local_get(c);
        break;
    case OPCODE_LOCAL_SET:
        compile_local_set(c);
        break;
    case OPCODE_LOCAL_TEE:
        compile_local_tee(c);
        break;
    case OPCODE_GLOBAL_GET:
        compile_global_get(c);
        break;
    case OPCODE_GLOBAL_SET:
        compile_global_set(c);
        break;
    case OPCODE_I32_CONST:
        push_constant(c, VALUE_I32, (uint32_t)wasm_s32(&c->in), 0);
        break;
    case OPCODE_I64_CONST:
        push_64(c, VALUE_I64, (uint64_t)wasm_s64(&c->in));
        break;
    case OPCODE_F32_CONST:
        push_constant(c, VALUE_F32, (uint32_t)wasm_fixed(&c->in, 4), 0);
        break;
    case OPCODE_F64_CONST:
        push_64(c, VALUE_F64, wasm_fixed(&c->in, 8));
        break;
    default:
        return false;
    }
    return true;
}
