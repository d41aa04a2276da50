/* From function bodies to code: the room for it, one function after the other, and their addresses. */
#include "compile.h"

#include "engine.h"
#include "handlers.h"

/* ---- one function ------------------------------------------------------------------------------- */

uint32_t read_opcode(struct compiler *c) {
    const uint8_t first = wasm_byte(&c->in);
    return first == OPCODE_PREFIX ? OPCODE_PREFIXED(wasm_u32(&c->in)) : first;
}

static unsigned add_local(struct compiler *c, uint8_t type, unsigned slot_number) {
    c->locals[c->local_count++] = (struct local){.slot = (uint16_t)slot_number, .type = type};
    return slot_number + slots_of(type);
}

/* Parameters lie where the caller has put them; then comes the link, then all else. */
static void place_locals(struct compiler *c) {
    const M3FuncType *type = c->type;
    unsigned slot_number = 0;
    c->local_count = 0;
    for (uint32_t i = 0; i < type->numArgs; i++) {
        slot_number = add_local(c, type->types[type->numRets + i], slot_number);
    }
    c->link_slot = (uint16_t)link_slot_of(type);
    slot_number = c->link_slot + LINK_SLOTS;
    for (uint32_t groups = wasm_u32(&c->in); groups > 0; groups--) {
        const uint32_t count = wasm_u32(&c->in);
        const uint8_t local_type = (uint8_t)(0x80 - wasm_byte(&c->in));
        for (uint32_t i = 0; i < count; i++) {
            slot_number = add_local(c, local_type, slot_number);
        }
    }
    c->operands_start = (uint16_t)slot_number;
}

/* The frame's size is known when all of the body is. */
static uint32_t emit_entry(struct compiler *c) {
    const unsigned zeroed = c->link_slot + LINK_SLOTS;
    const uint32_t at = emit_operation(c, OP_entry) + 1;
    emit(c, 0);
    emit_slot(c, zeroed);
    emit(c, c->operands_start - zeroed);
    return at;
}

static void compile_body(struct compiler *c) {
    while (c->depth > 0 && c->at <= c->limit) { /* what does not fit need not be known to its end */
        const uint32_t opcode = read_opcode(c);
        (void)(compile_variable(c, opcode) || compile_control(c, opcode) || compile_memory(c, opcode) ||
               compile_numeric(c, opcode));
        count_instruction(c, opcode);
    }
}

static enum machine_fault compile_function(struct compiler *c, M3Function *function) {
    c->type = function->funcType;
    c->in = wasm_reader_over(function->wasm, (size_t)(function->wasmEnd - function->wasm));
    (void)wasm_u32(&c->in); /* its size */
    c->count = c->settled = 0;
    c->reachable = true;
    c->stretch = 0;
    c->held[REGISTER_INTEGER] = c->held[REGISTER_FLOAT] = NOT_HELD;
    c->fixed = c->at;
    place_locals(c);
    c->frame_slots = c->operands_start;
    function->compiled = (pc_t)code_here(c);
    const uint32_t frame_size = emit_entry(c);
    open_function_block(c);
    compile_body(c);
    patch_cell(c, frame_size, c->frame_slots * sizeof(slot));
    return c->frame_slots > FRAME_SLOTS_MAX ? MACHINE_FRAME_TOO_LARGE : MACHINE_OK;
}

/* ---- all functions ------------------------------------------------------------------------------ */

/* The code grows from the front of the largest free block, the compiler's own tables stand at its end,
 * and what is not code goes back: nothing is left that could split the arena. */
static bool take_room(struct compiler *c, const struct machine_needs *needs) {
    size_t bytes;
    c->code = arena_alloc_most(&engine_arena, &bytes);
    const size_t tables = needs->operands * sizeof(struct value) + needs->blocks * sizeof(struct block) +
                          needs->locals * sizeof(struct local);
    if (c->code == NULL || bytes < tables + 64) {
        engine_arena.refused = (uint32_t)(tables + 64);
        return false;
    }
    c->room = (uint32_t)bytes;
    uint8_t *end = (uint8_t *)c->code + (bytes & ~(size_t)7);
    c->values = (struct value *)(void *)(end -= needs->operands * sizeof(struct value));
    c->locals = (struct local *)(void *)(end -= needs->locals * sizeof(struct local));
    c->blocks =
        (struct block *)(((uintptr_t)end - needs->blocks * sizeof(struct block)) & ~(uintptr_t)7);
    c->marks_end = (uint32_t *)(void *)c->blocks;
    c->limit = (uint32_t)((cell *)(void *)c->blocks - c->code);
    return true;
}

static enum machine_fault compile_functions(struct compiler *c) {
    for (uint32_t i = 0; i < c->module->numFunctions; i++) {
        M3Function *function = &c->module->functions[i];
        if (function->wasm == NULL) {
            continue; /* an import */
        }
        const enum machine_fault fault = compile_function(c, function);
        if (fault != MACHINE_OK) {
            return fault;
        }
        if (c->at > c->limit) {
            engine_arena.refused = c->room + (c->at - c->limit) * (uint32_t)sizeof(cell);
            return MACHINE_NO_MEMORY;
        }
    }
    return MACHINE_OK;
}

/* Behind the code, in the order of addresses. */
static size_t keep_marks(struct compiler *c) {
    memmove(c->code + c->at, c->marks_end, c->marks * sizeof(uint32_t));
    return c->at * sizeof(cell) + c->marks * sizeof(uint32_t);
}

enum machine_fault machine_compile(struct M3Module *module, const struct machine_needs *needs) {
    struct machine *machine = &module->runtime->machine;
    struct compiler c = {.machine = machine, .module = module, .memory_grows = needs->memory_grows};
    if (!take_room(&c, needs)) {
        arena_release(&engine_arena, c.code);
        return MACHINE_NO_MEMORY;
    }
    const enum machine_fault fault = compile_functions(&c);
    if (fault != MACHINE_OK) {
        arena_release(&engine_arena, c.code);
        return fault;
    }
    (void)arena_resize(&engine_arena, c.code, keep_marks(&c)); /* smaller: it stays where it is */
    machine->code = c.code;
    machine->code_cells = c.at;
    machine->marks = c.marks;
    return MACHINE_OK;
}

void machine_free_code(struct machine *machine) {
    arena_release(&engine_arena, machine->code);
    machine->code = NULL;
}
