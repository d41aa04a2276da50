/* Blocks, branches and calls. At a label every operand is in its home, or a constant that it was
 * before the block, so that all ways to the label agree. */
#include "compile.h"
#include "handlers.h"

/* ---- blocks ------------------------------------------------------------------------------------- */

static uint32_t parameters_of(const struct block *block) {
    return block->type != NULL && !block->is_function ? block->type->numArgs : 0;
}

static uint32_t results_of(const struct block *block) {
    return block->type != NULL ? block->type->numRets : block->single != VALUE_NONE;
}

/* What a branch to the block carries. */
static uint32_t arity_of(const struct block *block) {
    return block->opcode == OPCODE_LOOP ? parameters_of(block) : results_of(block);
}

static struct block *label_at(struct compiler *c, uint32_t depth) {
    return &c->blocks[c->depth - 1 - depth];
}

static void push_results(struct compiler *c, const struct block *block) {
    drop_to(c, block->height);
    push_homes(c, block->type != NULL ? block->type->types : &block->single, results_of(block));
}

static void push_parameters(struct compiler *c, const struct block *block) {
    drop_to(c, block->height);
    if (parameters_of(block) > 0) {
        push_homes(c, block->type->types + block->type->numRets, parameters_of(block));
    }
}

void open_function_block(struct compiler *c) {
    c->depth = 1;
    c->blocks[0] = (struct block){
        .opcode = OPCODE_BLOCK, .is_function = true, .type = c->type, .home = c->operands_start};
}

/* Where it will be: on some cores to copy one takes long. */
static struct block *read_block(struct compiler *c, uint32_t opcode) {
    struct block *block = &c->blocks[c->depth];
    const int64_t type = wasm_s33(&c->in);
    block->opcode = (uint8_t)opcode;
    block->is_function = false;
    block->single = type < 0 && type != -0x40 ? (uint8_t)-type : VALUE_NONE;
    block->type = type >= 0 ? c->module->funcTypes[type] : NULL;
    block->fixups = block->otherwise = block->stub = 0;
    block->stretch = 0;
    return block;
}

static void open_block(struct compiler *c, uint32_t opcode) {
    struct block *block = read_block(c, opcode);
    struct value condition;
    if (opcode == OPCODE_IF) {
        condition = pop_value(c);
    }
    settle_all(c);
    settle_top(c, parameters_of(block));
    if (opcode == OPCODE_LOOP) {
        count_loop(c);
    }
    block->height = (uint16_t)(c->count - parameters_of(block));
    if (opcode == OPCODE_IF) {
        compile_condition(c, &condition, false, false);
        emit_fixup(c, &block->otherwise);
        count_branch(c, block);
    }
    if (opcode == OPCODE_LOOP) {
        c->last.kind = LAST_FIXED;
        c->fixed = c->at;
        block->start = code_here(c);
    }
    block->home = (uint16_t)(block->height < c->count ? c->values[block->height].home : next_home(c));
    c->depth++;
}

/* ---- branches ----------------------------------------------------------------------------------- */

static void jump(struct compiler *c, struct block *block) {
    if (block->opcode == OPCODE_LOOP) {
        emit_operation(c, OP_br_loop);
        emit(c, (cell)block->start);
    } else {
        emit_operation(c, OP_br);
        emit_fixup(c, &block->fixups);
        count_branch(c, block);
    }
}

static void emit_target(struct compiler *c, struct block *block) {
    if (block->opcode == OPCODE_LOOP) {
        emit(c, (cell)block->start);
    } else {
        emit_fixup(c, &block->fixups);
        count_branch(c, block);
    }
}

/* Whether the operands on top are where the block's end expects them. */
static bool in_place(const struct compiler *c, const struct block *block) {
    const uint32_t arity = arity_of(block);
    return arity == 0 || c->count - arity == block->height;
}

/* The operands on top go to the block's homes, lowest first: none lies below where it goes. */
static void carry(struct compiler *c, const struct block *block) {
    const uint32_t arity = arity_of(block);
    unsigned home = block->home;
    for (uint32_t i = c->count - arity; i < c->count; i++) {
        settle_in(c, &c->values[i], home);
        home += slots_of(c->values[i].type);
    }
}

static void leave_function(struct compiler *c) {
    const uint32_t results = c->type->numRets;
    const uint32_t first = c->count - results;
    for (uint32_t i = first; results > 1 && i < c->count; i++) {
        if (c->values[i].place == IN_SLOT) {
            settle_home(c, &c->values[i]); /* parameters lie where results go */
        }
    }
    unsigned slot_number = 0;
    for (uint32_t i = first; i < c->count; i++) {
        settle_in(c, &c->values[i], slot_number);
        slot_number += slots_of(c->values[i].type);
    }
    emit_operation(c, OP_leave);
    emit_slot(c, c->link_slot);
    c->reachable = false;
}

static void compile_br(struct compiler *c, struct block *block) {
    if (block->is_function) {
        leave_function(c);
        return;
    }
    carry(c, block);
    jump(c, block);
    c->reachable = false;
}

/* The copies are for the branch only: around them if it is not taken. The operands stay. */
static void carry_copies(struct compiler *c, const struct block *block) {
    const uint32_t arity = arity_of(block);
    unsigned home = block->home;
    for (uint32_t i = c->count - arity; i < c->count; i++) {
        struct value copy = c->values[i];
        c->last.kind = LAST_FIXED;
        settle_in(c, &copy, home);
        home += slots_of(copy.type);
    }
}

static void compile_br_if(struct compiler *c, struct block *block) {
    struct value condition = pop_value(c);
    settle_top(c, arity_of(block));
    if (in_place(c, block)) {
        compile_condition(c, &condition, true, block->opcode == OPCODE_LOOP);
        emit_target(c, block);
        return;
    }
    uint32_t around = 0;
    compile_condition(c, &condition, false, false);
    emit_fixup(c, &around);
    carry_copies(c, block);
    jump(c, block);
    bind_branches(c, &around);
}

static bool needs_stub(const struct compiler *c, const struct block *block) {
    return block->opcode == OPCODE_LOOP || !in_place(c, block);
}

static void emit_stub(struct compiler *c, struct block *block) {
    c->fixed = c->at;
    block->stub = c->at;
    carry_copies(c, block);
    jump(c, block);
}

/* Branches that do more than jump follow the table, one for all that go to the same label. */
static void emit_stubs(struct compiler *c, struct wasm_reader labels, uint32_t count, uint32_t table) {
    for (uint32_t i = 0; i <= count; i++) {
        struct block *block = label_at(c, wasm_u32(&labels));
        if (!needs_stub(c, block)) {
            continue;
        }
        if (block->stub < table) { /* it has none yet, or that of an earlier table */
            emit_stub(c, block);
        }
        patch_cell(c, table + i, (cell)(c->code + block->stub));
    }
}

static void compile_br_table(struct compiler *c) {
    const uint32_t count = wasm_u32(&c->in);
    const struct wasm_reader labels = c->in;
    struct value index = pop_value(c);
    for (uint32_t i = 0; i < count; i++) {
        (void)wasm_u32(&c->in);
    }
    settle_top(c, arity_of(label_at(c, wasm_u32(&c->in))));
    settle_constant(c, &index);
    emit_operation(c, index.place == IN_SLOT ? OP_br_table_s : OP_br_table_r);
    if (index.place == IN_SLOT) {
        emit_slot(c, index.slot);
    }
    emit(c, count);
    const uint32_t table = c->at;
    struct wasm_reader again = labels;
    for (uint32_t i = 0; i <= count; i++) {
        struct block *block = label_at(c, wasm_u32(&again));
        if (needs_stub(c, block)) {
            emit(c, 0);
        } else {
            emit_fixup(c, &block->fixups);
            count_branch(c, block);
        }
    }
    emit_stubs(c, labels, count, table);
    c->reachable = false;
}

/* ---- else and end ------------------------------------------------------------------------------- */

static void compile_else(struct compiler *c) {
    struct block *block = &c->blocks[c->depth - 1];
    if (c->reachable) {
        settle_top(c, results_of(block));
        jump(c, block);
    }
    bind_branches(c, &block->otherwise);
    c->stretch = block->stretch;
    block->opcode = OPCODE_ELSE;
    push_parameters(c, block);
    c->reachable = true;
}

static void end_function(struct compiler *c, struct block *block) {
    if (block->fixups != 0) {
        if (c->reachable) {
            settle_top(c, results_of(block));
        }
        bind_branches(c, &block->fixups);
        push_results(c, block);
        c->reachable = true;
    }
    if (c->reachable) {
        leave_function(c);
    }
    c->depth = 0;
}

static void compile_end(struct compiler *c) {
    struct block *block = &c->blocks[c->depth - 1];
    if (block->is_function) {
        end_function(c, block);
        return;
    }
    const bool is_label = block->fixups != 0 || block->otherwise != 0;
    count_label(c, block);
    if (is_label || !c->reachable) {
        if (c->reachable) {
            settle_top(c, results_of(block));
        }
        bind_branches(c, &block->fixups);
        bind_branches(c, &block->otherwise);
        push_results(c, block);
        c->reachable = true;
    }
    c->depth--;
}

/* ---- code that is never reached ----------------------------------------------------------------- */

static void skip_immediates(struct compiler *c, const struct instruction *row) {
    switch (instruction_immediates(row)) {
    case IMMEDIATES_NONE:
        break;
    case IMMEDIATES_BR_TABLE:
        for (uint32_t left = wasm_u32(&c->in); left > 0; left--) {
            (void)wasm_u32(&c->in);
        }
        (void)wasm_u32(&c->in);
        break;
    case IMMEDIATES_CALL_INDIRECT:
    case IMMEDIATES_MEMARG:
    case IMMEDIATES_MEMORY_MEMORY:
        (void)wasm_u32(&c->in);
        (void)wasm_u32(&c->in);
        break;
    case IMMEDIATES_BLOCK:
        (void)wasm_s33(&c->in);
        break;
    case IMMEDIATES_I32:
        (void)wasm_s32(&c->in);
        break;
    case IMMEDIATES_I64:
        (void)wasm_s64(&c->in);
        break;
    case IMMEDIATES_F32:
        wasm_skip(&c->in, 4);
        break;
    case IMMEDIATES_F64:
        wasm_skip(&c->in, 8);
        break;
    default: /* one index */
        (void)wasm_u32(&c->in);
    }
}

/* To the end or else of the innermost block, which is left for the caller to read. */
static void skip_unreachable(struct compiler *c) {
    for (uint32_t nested = 0; wasm_left(&c->in) > 0;) {
        const uint8_t first = wasm_peek(&c->in);
        if (nested == 0 && (first == OPCODE_END || first == OPCODE_ELSE)) {
            return;
        }
        const uint32_t opcode = read_opcode(c);
        skip_immediates(c, instruction_find(opcode));
        nested += opcode == OPCODE_BLOCK || opcode == OPCODE_LOOP || opcode == OPCODE_IF;
        nested -= opcode == OPCODE_END;
    }
}

/* ---- calls -------------------------------------------------------------------------------------- */

struct callee {
    unsigned frame, link; /* slots */
};

/* The arguments' homes are the beginning of the callee's frame. Registers do not survive a call. */
static struct callee prepare_call(struct compiler *c, const M3FuncType *type) {
    settle_top(c, type->numArgs);
    settle_registers(c);
    const unsigned frame = type->numArgs == 0 ? next_home(c) : c->values[c->count - type->numArgs].home;
    const struct callee callee = {.frame = frame, .link = frame + link_slot_of(type)};
    use_slots(c, callee.link + LINK_SLOTS);
    return callee;
}

static void finish_call(struct compiler *c, const M3FuncType *type, const struct callee *callee) {
    emit_slot(c, callee->frame);
    emit_slot(c, callee->link);
    drop_to(c, c->count - type->numArgs);
    push_homes(c, type->types, type->numRets);
}

static void compile_call(struct compiler *c) {
    M3Function *function = &c->module->functions[wasm_u32(&c->in)];
    const struct callee callee = prepare_call(c, function->funcType);
    emit_operation(c, OP_call);
    emit(c, (cell)&function->compiled);
    finish_call(c, function->funcType, &callee);
}

static void compile_call_indirect(struct compiler *c) {
    const M3FuncType *type = c->module->funcTypes[wasm_u32(&c->in)];
    (void)wasm_u32(&c->in); /* table 0 */
    struct value index = pop_value(c);
    settle_constant(c, &index);
    const struct callee callee = prepare_call(c, type);
    emit_operation(c, index.place == IN_SLOT ? OP_call_indirect_s : OP_call_indirect_r);
    if (index.place == IN_SLOT) {
        emit_slot(c, index.slot);
    }
    emit(c, (cell)type);
    finish_call(c, type, &callee);
}

bool compile_control(struct compiler *c, uint32_t opcode) {
    switch (opcode) {
    case OPCODE_UNREACHABLE:
        emit_operation(c, OP_unreachable);
        c->reachable = false;
        break;
    case OPCODE_NOP:
        break;
    case OPCODE_BLOCK:
    case OPCODE_LOOP:
    case OPCODE_IF:
        open_block(c, opcode);
        break;
    case OPCODE_ELSE:
        compile_else(c);
        break;
    case OPCODE_END:
        compile_end(c);
        break;
    case OPCODE_BR:
        compile_br(c, label_at(c, wasm_u32(&c->in)));
        break;
    case OPCODE_BR_IF:
        compile_br_if(c, label_at(c, wasm_u32(&c->in)));
        break;
    case OPCODE_BR_TABLE:
        compile_br_table(c);
        break;
    case OPCODE_RETURN:
        leave_function(c);
        break;
    case OPCODE_CALL:
        compile_call(c);
        break;
    case OPCODE_CALL_INDIRECT:
        compile_call_indirect(c);
        break;
    default:
        return false;
    }
    if (!c->reachable && c->depth > 0) {
        skip_unreachable(c);
    }
    return true;
}
