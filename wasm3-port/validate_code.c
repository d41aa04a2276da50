/* One function body: the algorithm of the specification's appendix "Validation Algorithm". The control
 * stack is here, the operand stack in validate_operands.c. */
#include <string.h>

#include "validate_operands.h"

/* ---- control stack ---------------------------------------------------------------------------- */

static bool are_same(struct value_types a, struct value_types b) {
    return a.count == b.count && memcmp(a.bytes, b.bytes, a.count) == 0;
}

static struct signature signature_of(const struct validator *v, int type) {
    static const uint8_t one_result[] = {0x7f, 0x7e, 0x7d, 0x7c};
    if (type >= 0) {
        return validator_type(v, (uint32_t)type);
    }
    struct signature signature = {.params = {one_result, 0}, .results = {one_result, 0}};
    if (type < BLOCK_EMPTY) {
        signature.results.bytes = &one_result[BLOCK_OF(VALUE_I32) - type];
        signature.results.count = 1;
    }
    return signature;
}

static void note_blocks(struct validator *v) {
    if (v->blocks > v->facts->blocks_max) {
        v->facts->blocks_max = v->blocks;
    }
}

/* Its parameters have been taken from the operand stack and come to lie on it again, inside. */
static void enter(struct validator *v, uint8_t opcode, int type) {
    if (!validator_limit(v, v->blocks + 1, WASM_BLOCKS_MAX, " nested blocks")) {
        return;
    }
    v->scratch->blocks[v->blocks++] = (struct validate_block){
        .opcode = opcode, .type = (int16_t)type, .height = (uint16_t)v->operands};
    push_operands(v, signature_of(v, type).params);
    note_blocks(v);
}

/* Takes the results of the innermost block, which must be all that it leaves. */
static void leave(struct validator *v) {
    const struct validate_block *block = innermost_block(v);
    pop_operands(v, signature_of(v, block->type).results);
    if (v->operands != block->height) {
        struct text *why = validator_refuse(v, WM_EINVAL, "");
        text_add_number(why, v->operands - block->height);
        text_add(why, " operands more than the block has results");
    }
}

static void make_unreachable(struct validator *v) {
    struct validate_block *block = innermost_block(v);
    v->operands = block->height;
    block->unreachable = true;
}

/* What a branch to this label takes along. */
static struct value_types read_label(struct validator *v) {
    const uint32_t depth = validator_index(v, v->blocks, "label");
    const struct validate_block *block = innermost_block(v) - depth;
    const struct signature type = signature_of(v, block->type);
    return block->opcode == OPCODE_LOOP ? type.params : type.results;
}

/* ---- control instructions --------------------------------------------------------------------- */

/* Section 5.4.1: a byte of its own for none or one result, else the index of a type. */
static int read_block_type(struct validator *v) {
    const uint8_t byte = wasm_peek(&v->in);
    if (byte == 0x40) {
        (void)wasm_byte(&v->in);
        return BLOCK_EMPTY;
    }
    if ((byte & 0xc0) == 0x40) {
        return BLOCK_OF(validator_value_type(v, wasm_byte(&v->in)));
    }
    const int64_t index = wasm_s33(&v->in);
    if (index < 0 || index >= v->types) {
        validator_refuse(v, WM_EINVAL, "unknown block type");
        return BLOCK_EMPTY;
    }
    return (int)index;
}

static void check_block(struct validator *v) {
    const int type = read_block_type(v);
    if (v->code == OPCODE_IF) {
        (void)pop_operand(v, VALUE_I32);
    }
    pop_operands(v, signature_of(v, type).params);
    enter(v, (uint8_t)v->code, type);
}

static void check_else(struct validator *v) {
    const struct validate_block *block = innermost_block(v);
    if (block->opcode != OPCODE_IF) {
        validator_refuse(v, WM_EINVAL, "else without if");
        return;
    }
    leave(v);
    v->blocks--;
    enter(v, OPCODE_ELSE, block->type);
}

static void check_end(struct validator *v) {
    const struct validate_block *block = innermost_block(v);
    const struct signature type = signature_of(v, block->type);
    leave(v);
    if (block->opcode == OPCODE_IF && !are_same(type.params, type.results)) {
        validator_refuse(v, WM_EINVAL, "if without else changes the operands");
    }
    v->blocks--;
    if (v->blocks > 0) {
        push_operands(v, type.results);
    }
}

static void check_br_table(struct validator *v) {
    (void)pop_operand(v, VALUE_I32);
    const uint32_t count = wasm_u32(&v->in);
    if (!validator_limit(v, count, WASM_BR_TABLE_MAX, " labels of br_table")) {
        return;
    }
    struct value_types taken = read_label(v);
    (void)expect_operands(v, taken);
    for (uint32_t left = count; left > 0 && validator_ok(v); left--) {
        const struct value_types other = read_label(v);
        if (other.count != taken.count) {
            validator_refuse(v, WM_EINVAL, "labels of br_table that take different numbers of operands");
        } else if (!are_same(other, taken)) { /* else it is known: saves a hostile module's time */
            (void)expect_operands(v, other);
        }
        taken = other;
    }
    pop_operands(v, taken);
    make_unreachable(v);
}

static void call(struct validator *v, uint32_t type) {
    if (validator_ok(v)) { /* else there may be no type at all */
        const struct signature signature = validator_type(v, type);
        pop_operands(v, signature.params);
        push_operands(v, signature.results);
    }
}

/* LLVM 20 and later write the table's index with five bytes. */
static void check_call_indirect(struct validator *v) {
    const uint32_t type = validator_index(v, v->types, "type"), table = wasm_u32(&v->in);
    if (table != 0) {
        validator_refuse(v, WM_ENOTSUP, "a table other than 0: reference types");
    } else if (v->tables == 0) {
        validator_refuse(v, WM_EINVAL, "unknown table 0");
    }
    (void)pop_operand(v, VALUE_I32);
    call(v, type);
}

/* ---- other instructions whose operands are not in the table ----------------------------------- */

static void check_select(struct validator *v) {
    (void)pop_operand(v, VALUE_I32);
    const uint8_t second = pop_operand(v, VALUE_ANY);
    const uint8_t first = pop_operand(v, second == VALUE_NONE ? VALUE_ANY : second);
    push_operand(v, first == VALUE_ANY ? second : first);
}

static void check_local(struct validator *v) {
    const uint8_t type = v->scratch->locals[validator_index(v, v->locals, "local")];
    if (!validator_ok(v)) {
        return;
    }
    if (v->code != OPCODE_LOCAL_GET) {
        (void)pop_operand(v, type);
    }
    if (v->code != OPCODE_LOCAL_SET) {
        push_operand(v, type);
    }
}

static void check_global(struct validator *v) {
    const uint8_t global = v->scratch->globals[validator_index(v, v->globals, "global")];
    if (!validator_ok(v)) {
        return;
    }
    if (v->code == OPCODE_GLOBAL_GET) {
        push_operand(v, global & GLOBAL_TYPE);
    } else if ((global & GLOBAL_MUTABLE) == 0) {
        validator_refuse(v, WM_EINVAL, "global.set of an immutable global");
    } else {
        (void)pop_operand(v, global & GLOBAL_TYPE);
    }
}

static void check_varying(struct validator *v) {
    switch (v->code) {
    case OPCODE_UNREACHABLE:
        make_unreachable(v);
        break;
    case OPCODE_BLOCK:
    case OPCODE_LOOP:
    case OPCODE_IF:
        check_block(v);
        break;
    case OPCODE_ELSE:
        check_else(v);
        break;
    case OPCODE_END:
        check_end(v);
        break;
    case OPCODE_BR:
        pop_operands(v, read_label(v));
        make_unreachable(v);
        break;
    case OPCODE_BR_IF: {
        (void)pop_operand(v, VALUE_I32);
        const struct value_types taken = read_label(v);
        pop_operands(v, taken);
        push_operands(v, taken);
        break;
    }
    case OPCODE_BR_TABLE:
        check_br_table(v);
        break;
    case OPCODE_RETURN:
        pop_operands(v, signature_of(v, v->scratch->blocks[0].type).results);
        make_unreachable(v);
        break;
    case OPCODE_CALL:
        call(v, v->scratch->functions[validator_index(v, v->facts->functions, "function")]);
        break;
    case OPCODE_CALL_INDIRECT:
        check_call_indirect(v);
        break;
    case OPCODE_DROP:
        (void)pop_operand(v, VALUE_ANY);
        break;
    case OPCODE_SELECT:
        check_select(v);
        break;
    case OPCODE_GLOBAL_GET:
    case OPCODE_GLOBAL_SET:
        check_global(v);
        break;
    default:
        check_local(v);
    }
}

/* ---- instructions as the table describes them ------------------------------------------------- */

static void check_memory_index(struct validator *v) {
    if (wasm_byte(&v->in) != 0) {
        validator_refuse(v, WM_ENOTSUP, "a memory other than 0: multi-memory");
    }
}

static void check_memarg(struct validator *v, const struct instruction *row) {
    const uint32_t align_log2 = wasm_u32(&v->in);
    (void)wasm_u32(&v->in); /* any offset will do */
    if (align_log2 > row->access_log2) {
        validator_refuse(v, WM_EINVAL, "an alignment above the natural one");
    }
}

static void check_immediates(struct validator *v, const struct instruction *row) {
    const enum immediates kind = instruction_immediates(row);
    if (kind >= IMMEDIATES_MEMARG && kind <= IMMEDIATES_MEMORY_MEMORY && v->memories == 0) {
        validator_refuse(v, WM_EINVAL, "unknown memory 0");
    }
    switch (kind) {
    case IMMEDIATES_MEMARG:
        check_memarg(v, row);
        break;
    case IMMEDIATES_MEMORY_MEMORY:
        check_memory_index(v);
        check_memory_index(v);
        break;
    case IMMEDIATES_MEMORY:
        check_memory_index(v);
        v->facts->asks_memory_size |= v->code == OPCODE_MEMORY_SIZE;
        v->facts->grows_memory |= v->code == OPCODE_MEMORY_GROW;
        break;
    case IMMEDIATES_I32:
        (void)wasm_s32(&v->in);
        break;
    case IMMEDIATES_I64:
        (void)wasm_s64(&v->in);
        break;
    case IMMEDIATES_F32:
    case IMMEDIATES_F64:
        wasm_skip(&v->in, kind == IMMEDIATES_F32 ? 4 : 8);
        break;
    default:
        break;
    }
}

static void check_fixed(struct validator *v, const struct instruction *row) {
    check_immediates(v, row);
    for (unsigned n = 3; n-- > 0;) {
        const enum value_type operand = instruction_operand(row, n);
        if (operand != VALUE_NONE) {
            (void)pop_operand(v, operand);
        }
    }
    if (instruction_result(row) != VALUE_NONE) {
        push_operand(v, instruction_result(row));
    }
}

static uint32_t read_code(struct validator *v) {
    const uint32_t code = wasm_byte(&v->in);
    if (code != OPCODE_PREFIX) {
        return code;
    }
    const uint32_t second = wasm_u32(&v->in);
    return OPCODE_PREFIXED(second < 0xff ? second : 0xff);
}

static void check_instruction(struct validator *v) {
    v->item = v->in.at;
    v->code = read_code(v);
    const struct instruction *row = instruction_find(v->code);
    if (row == NULL) {
        validator_refuse_code(v, v->code);
    } else if (instruction_varies(row)) {
        check_varying(v);
    } else {
        check_fixed(v, row);
    }
}

/* ---- the body --------------------------------------------------------------------------------- */

static void add_locals(struct validator *v, uint32_t count, uint8_t type) {
    const uint32_t room = WASM_LOCALS_MAX - v->locals;
    if (count > room) { /* the sum may not fit 32 bits */
        count = room;
        struct text *why = validator_refuse(v, WM_ENOMEM, "more locals than ");
        text_add_number(why, WASM_LOCALS_MAX);
    }
    memset(v->scratch->locals + v->locals, type, count);
    v->locals += count;
}

static void read_locals(struct validator *v, struct value_types params) {
    v->locals = 0;
    for (uint32_t i = 0; i < params.count; i++) {
        add_locals(v, 1, value_type_of(params.bytes[i]));
    }
    for (uint32_t left = wasm_u32(&v->in); left > 0 && validator_ok(v); left--) {
        v->item = v->in.at;
        const uint32_t count = wasm_u32(&v->in);
        add_locals(v, count, (uint8_t)validator_value_type(v, wasm_byte(&v->in)));
    }
    if (v->locals > v->facts->locals_max) {
        v->facts->locals_max = v->locals;
    }
}

void validate_body(struct validator *v) {
    const uint8_t type = v->scratch->functions[v->function];
    read_locals(v, validator_type(v, type).params);
    v->operands = v->blocks = 0;
    v->scratch->blocks[v->blocks++] = (struct validate_block){.opcode = OPCODE_BLOCK, .type = type};
    note_blocks(v);
    while (validator_ok(v) && v->blocks > 0) {
        check_instruction(v);
    }
    if (!v->in.bad) {
        v->item = v->in.at;
    }
    validator_finish(v);
}
