/* Loads and stores. Where linear memory cannot grow, its bounds are constants of the code; where it
 * can, they are marked and mended when it does (memory.c). */
#include "compile.h"
#include "handlers.h"
#include "memory.h"

struct access {
    uint32_t offset;
    unsigned bytes;
};

static struct access read_access(struct compiler *c, uint32_t opcode) {
    (void)wasm_u32(&c->in); /* alignment: a hint */
    return (struct access){.offset = wasm_u32(&c->in),
                           .bytes = 1u << instruction_find(opcode)->access_log2};
}

/* Whether some address can be in bounds as the memory is now. */
static bool can_reach(const struct compiler *c, const struct access *access) {
    return (uint64_t)access->offset + access->bytes <= c->machine->memory_bytes;
}

/* Whether this address always is. The code then has it as a constant. */
static bool is_known(const struct compiler *c, const struct access *access,
                     const struct value *address) {
    return !c->memory_grows && address->place == CONSTANT &&
           (uint64_t)access->offset + address->low + access->bytes <= c->machine->memory_bytes;
}

static void emit_address(struct compiler *c, const struct access *access) {
    emit_memory_address(c, access->offset);
    emit(c, c->machine->memory_bytes - access->offset - access->bytes);
}

/* ---- out of the ordinary ------------------------------------------------------------------------ */

/* Beyond what the memory is now: a trap, or, if it can grow, a load that looks at run time. */
static void load_beyond(struct compiler *c, const struct access *access, uint32_t opcode,
                        struct value *address, uint8_t type) {
    if (!c->memory_grows) {
        emit_operation(c, OP_out_of_bounds);
        push_home(c, type);
        return;
    }
    settle_in_any_slot(c, address);
    emit_operation(c, OP_slow_4);
    emit(c, (cell)machine_load_checked);
    emit_slot(c, address->slot);
    emit(c, access->offset);
    emit(c, opcode);
    emit_result_in_slot(c, type);
}

static void store_beyond(struct compiler *c, const struct access *access, uint32_t opcode,
                         struct value *address, struct value *value) {
    if (!c->memory_grows) {
        emit_operation(c, OP_out_of_bounds);
        return;
    }
    settle_in_any_slot(c, address);
    settle_in_any_slot(c, value);
    emit_operation(c, OP_slow_4);
    emit(c, (cell)machine_store_checked);
    emit_slot(c, address->slot);
    emit_slot(c, value->slot);
    emit(c, access->offset);
    emit(c, opcode);
}

/* ---- loads -------------------------------------------------------------------------------------- */

struct load {
    uint16_t operation; /* address in a slot, result in the register; OP_load64_s */
    uint16_t absolute;
    uint8_t extension; /* of the 32 bits loaded to 64: 's', 'u' or 0 */
};

static struct load load_for(uint32_t opcode) {
    switch (opcode) {
    case OPCODE_F32_LOAD:
        return (struct load){OP_f32_load_s_r, OP_abs_load_f_r, 0};
    case OPCODE_I32_LOAD8_S:
    case OPCODE_I64_LOAD8_S:
        return (struct load){OP_i32_load8_s_s_r, OP_abs_load8_s_r, 's'};
    case OPCODE_I32_LOAD8_U:
    case OPCODE_I64_LOAD8_U:
        return (struct load){OP_i32_load8_u_s_r, OP_abs_load8_u_r, 'u'};
    case OPCODE_I32_LOAD16_S:
    case OPCODE_I64_LOAD16_S:
        return (struct load){OP_i32_load16_s_s_r, OP_abs_load16_s_r, 's'};
    case OPCODE_I32_LOAD16_U:
    case OPCODE_I64_LOAD16_U:
        return (struct load){OP_i32_load16_u_s_r, OP_abs_load16_u_r, 'u'};
    case OPCODE_I64_LOAD:
    case OPCODE_F64_LOAD:
        return (struct load){OP_load64_s, OP_abs_load64, 0};
    default:
        return (struct load){OP_i32_load_s_r, OP_abs_load_r, opcode == OPCODE_I64_LOAD32_S ? 's' : 'u'};
    }
}

static void load_64(struct compiler *c, const struct access *access, struct value *address,
                    uint8_t type) {
    if (is_known(c, access, address)) {
        emit_operation(c, OP_abs_load64);
        emit(c, (cell)c->machine->memory + address->low + access->offset);
    } else {
        if (address->place == CONSTANT) {
            settle_home(c, address);
        }
        emit_operation(c, address->place == IN_SLOT ? OP_load64_s : OP_load64_r);
        emit_operand(c, address);
        emit_address(c, access);
    }
    emit_result_in_slot(c, type);
}

/* The sum that is the address becomes a part of the load. */
static bool load_sum(struct compiler *c, const struct access *access, uint8_t type,
                     const struct load *load) {
    if (c->last.kind != LAST_IN_REGISTER ||
        (c->last.operation != OP_i32_add_ss_r && c->last.operation != OP_i32_add_sc_r)) {
        return false;
    }
    const enum operation_number operation =
        load->operation + (c->last.operation == OP_i32_add_ss_r ? LOAD_SS : LOAD_SC);
    free_register(c, type);
    const uint32_t at = c->last.at;
    patch_cell(c, at, (cell)machine_handlers[operation]);
    emit_address(c, access);
    emit_result(c, at, operation, type);
    return true;
}

static void load_32(struct compiler *c, const struct access *access, struct value *address, uint8_t type,
                    const struct load *load) {
    if (is_known(c, access, address)) {
        free_register(c, type);
        const uint32_t at = emit_operation(c, load->absolute);
        emit(c, (cell)c->machine->memory + address->low + access->offset);
        emit_result(c, at, load->absolute, type);
        return;
    }
    settle_constant(c, address);
    if (address->place == IN_REGISTER && load_sum(c, access, type, load)) {
        return;
    }
    const enum operation_number operation =
        address->place == IN_SLOT ? load->operation : load->operation + RESULT_KINDS;
    free_register(c, type);
    const uint32_t at = emit_operation(c, operation);
    emit_operand(c, address);
    emit_address(c, access);
    emit_result(c, at, operation, type);
}

static void compile_load(struct compiler *c, uint32_t opcode) {
    const struct access access = read_access(c, opcode);
    const struct load load = load_for(opcode);
    const uint8_t type = instruction_result(instruction_find(opcode));
    struct value address = pop_value(c);
    if (!can_reach(c, &access)) {
        load_beyond(c, &access, opcode, &address, type);
    } else if (load.operation == OP_load64_s) {
        load_64(c, &access, &address, type);
    } else if (type == VALUE_I64) {
        load_32(c, &access, &address, VALUE_I32, &load);
        compile_extension(c, load.extension == 's');
    } else {
        load_32(c, &access, &address, type, &load);
    }
}

/* ---- stores ------------------------------------------------------------------------------------- */

/* Operations by where address and value are, for one width. */
struct store {
    uint16_t ss, sc, sr, rs, rc;
    uint16_t abs_s, abs_c, abs_r;
};
#define STORES(name)                                                                                    \
    {                                                                                                   \
        OP_##name##_ss, OP_##name##_sc, OP_##name##_sr, OP_##name##_rs, OP_##name##_rc,                 \
            OP_abs_##name##_s, OP_abs_##name##_c, OP_abs_##name##_r                                     \
    }

static const struct store *store_for(unsigned bytes) {
    static const struct store stores[] = {STORES(store8), STORES(store16), STORES(store)};
    return &stores[bytes == 1 ? 0 : bytes == 2 ? 1 : 2];
}

static void store_known(struct compiler *c, const struct store *store, const struct value *value,
                        uint32_t offset) {
    if (value->place == IN_REGISTER) {
        emit_operation(c, value->type == VALUE_F32 ? OP_abs_store_f : store->abs_r);
    } else {
        emit_operation(c, value->place == IN_SLOT ? store->abs_s : store->abs_c);
    }
    emit_operand(c, value);
    emit(c, (cell)c->machine->memory + offset);
}

static enum operation_number store_operation(const struct store *store, const struct value *address,
                                             const struct value *value) {
    const bool in_slot = address->place == IN_SLOT;
    if (value->place == IN_REGISTER) {
        if (value->type == VALUE_F32) {
            return in_slot ? OP_store_sf : OP_store_rf;
        }
        return store->sr; /* the address cannot be in the same register */
    }
    if (value->place == IN_SLOT) {
        return in_slot ? store->ss : store->rs;
    }
    return in_slot ? store->sc : store->rc;
}

static void store_32(struct compiler *c, const struct access *access, struct value *address,
                     struct value *value) {
    const struct store *store = store_for(access->bytes);
    if (is_known(c, access, address)) {
        store_known(c, store, value, address->low + access->offset);
        return;
    }
    settle_constant(c, address);
    emit_operation(c, store_operation(store, address, value));
    emit_operand(c, address);
    emit_operand(c, value);
    emit_address(c, access);
}

static void store_64(struct compiler *c, const struct access *access, struct value *address,
                     struct value *value) {
    settle_in_any_slot(c, value);
    if (is_known(c, access, address)) {
        emit_operation(c, OP_abs_store64);
        emit_slot(c, value->slot);
        emit(c, (cell)c->machine->memory + address->low + access->offset);
        return;
    }
    settle_constant(c, address);
    emit_operation(c, address->place == IN_SLOT ? OP_store64_ss : OP_store64_rs);
    emit_operand(c, address);
    emit_operand(c, value);
    emit_address(c, access);
}

static void compile_store(struct compiler *c, uint32_t opcode) {
    const struct access access = read_access(c, opcode);
    struct value value = pop_value(c), address = pop_value(c);
    if (!can_reach(c, &access)) {
        store_beyond(c, &access, opcode, &address, &value);
    } else if (access.bytes == 8) {
        store_64(c, &access, &address, &value);
    } else {
        store_32(c, &access, &address, &value); /* of an i64, its low slot or word */
    }
}

/* ---- the rest ----------------------------------------------------------------------------------- */

static void compile_bulk(struct compiler *c, slow_operation operation) {
    struct value count = pop_value(c), second = pop_value(c), first = pop_value(c);
    settle_in_any_slot(c, &first);
    settle_in_any_slot(c, &second);
    settle_in_any_slot(c, &count);
    emit_operation(c, OP_slow_3);
    emit(c, (cell)operation);
    emit_slot(c, first.slot);
    emit_slot(c, second.slot);
    emit_slot(c, count.slot);
}

static void compile_size(struct compiler *c) {
    emit_operation(c, OP_slow_1);
    emit(c, (cell)machine_memory_size);
    emit_result_in_slot(c, VALUE_I32);
}

static void compile_grow(struct compiler *c) {
    struct value pages = pop_value(c);
    settle_in_any_slot(c, &pages);
    emit_operation(c, OP_slow_2);
    emit(c, (cell)machine_memory_grow);
    emit_slot(c, pages.slot);
    emit_result_in_slot(c, VALUE_I32);
}

bool compile_memory(struct compiler *c, uint32_t opcode) {
    if (opcode >= OPCODE_I32_LOAD && opcode <= OPCODE_I64_LOAD32_U) {
        compile_load(c, opcode);
        return true;
    }
    if (opcode >= OPCODE_I32_STORE && opcode <= OPCODE_I64_STORE32) {
        compile_store(c, opcode);
        return true;
    }
    switch (opcode) {
    case OPCODE_MEMORY_SIZE:
        (void)wasm_u32(&c->in);
        compile_size(c);
        return true;
    case OPCODE_MEMORY_GROW:
        (void)wasm_u32(&c->in);
        compile_grow(c);
        return true;
    case OPCODE_MEMORY_COPY:
        (void)wasm_u32(&c->in);
        (void)wasm_u32(&c->in);
        compile_bulk(c, machine_memory_copy);
        return true;
    case OPCODE_MEMORY_FILL:
        (void)wasm_u32(&c->in);
        compile_bulk(c, machine_memory_fill);
        return true;
    default:
        return false;
    }
}
