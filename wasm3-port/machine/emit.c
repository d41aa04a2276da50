/* Writes code, and remembers the last operation for as long as it can be changed. */
#include "compile.h"
#include "handlers.h"

void emit(struct compiler *c, cell word) {
    if (c->at < c->limit) {
        c->code[c->at] = word;
    }
    c->at++;
}

void patch_cell(struct compiler *c, uint32_t at, cell word) {
    if (at < c->limit) {
        c->code[at] = word;
    }
}

const cell *code_here(const struct compiler *c) {
    return c->code + c->at;
}

uint32_t emit_operation(struct compiler *c, enum operation_number operation) {
    c->last.kind = LAST_FIXED;
    emit(c, (cell)machine_handlers[operation]);
    return c->at - 1;
}

void emit_slot(struct compiler *c, unsigned to) {
    emit(c, to * sizeof(uint32_t));
}

void emit_operand(struct compiler *c, const struct value *value) {
    if (value->place == IN_SLOT) {
        emit_slot(c, value->slot);
    } else if (value->place == CONSTANT) {
        emit(c, value->low);
    }
}

/* The marks grow down from the end of the room for code. */
void emit_memory_address(struct compiler *c, uint32_t offset) {
    if (c->memory_grows && c->limit > c->at) {
        *--c->marks_end = c->at;
        c->marks++;
        c->fixed = c->at + 1;
        c->limit = (uint32_t)((cell *)(void *)((uintptr_t)c->marks_end & ~(sizeof(cell) - 1)) - c->code);
    }
    emit(c, (cell)c->machine->memory + offset);
}

/* ---- branches forward --------------------------------------------------------------------------- */

/* Until it is bound, a target cell holds the index of the chain's next one. Index 0 is an entry. */
void add_fixup(struct compiler *c, uint32_t *chain, uint32_t at) {
    patch_cell(c, at, *chain);
    *chain = at;
    c->fixed = c->at;
}

void emit_fixup(struct compiler *c, uint32_t *chain) {
    emit(c, 0);
    add_fixup(c, chain, c->at - 1);
}

void bind_branches(struct compiler *c, uint32_t *chain) {
    for (uint32_t at = *chain; at != 0 && at < c->limit;) {
        const uint32_t next = (uint32_t)c->code[at];
        c->code[at] = (cell)code_here(c);
        at = next;
    }
    if (*chain != 0) {
        c->last.kind = LAST_FIXED; /* what follows is reached from elsewhere too */
        c->fixed = c->at;
    }
    *chain = 0;
}

/* ---- results ------------------------------------------------------------------------------------ */

void emit_result_in_slot(struct compiler *c, uint8_t type) {
    const struct value *value = push_home(c, type);
    c->last = (struct last){.kind = LAST_IN_SLOT, .slot = value->slot, .at = c->at};
    emit_slot(c, value->slot);
}

void emit_result(struct compiler *c, uint32_t at, enum operation_number operation, uint8_t type) {
    const enum register_kind reg = register_of(type);
    if (c->held[reg] != NOT_HELD) {
        patch_cell(c, at, (cell)machine_handlers[operation + RESULT_SLOT]);
        emit_result_in_slot(c, type);
        return;
    }
    push_register(c, type);
    c->makers[reg] = (struct maker){.operation = (uint16_t)operation, .at = at, .end = c->at};
    c->last = (struct last){
        .kind = LAST_IN_REGISTER, .reg = (uint8_t)reg, .operation = (uint16_t)operation, .at = at};
}

/* A word between an operation and what has been emitted since. */
static void insert(struct compiler *c, uint32_t at, cell word) {
    if (c->at < c->limit) {
        memmove(c->code + at + 1, c->code + at, (c->at - at) * sizeof(cell));
        c->code[at] = word;
    }
    c->at++;
    if (c->last.at >= at) {
        c->last.at++;
    }
    for (enum register_kind reg = 0; reg < REGISTERS; reg++) {
        if (c->makers[reg].end != 0 && c->makers[reg].at >= at) {
            c->makers[reg].at++;
            c->makers[reg].end++;
        }
    }
}

static bool can_redirect(const struct compiler *c, enum register_kind reg) {
    return c->makers[reg].end != 0 && c->makers[reg].end >= c->fixed;
}

bool redirect_home(struct compiler *c, const struct value *value) {
    const enum register_kind reg = register_of(value->type);
    if (!can_redirect(c, reg)) {
        return false;
    }
    const struct maker maker = c->makers[reg];
    patch_cell(c, maker.at, (cell)machine_handlers[maker.operation + RESULT_SLOT]);
    insert(c, maker.end, value->home * sizeof(uint32_t));
    return true;
}

void free_register(struct compiler *c, uint8_t type) {
    const enum register_kind reg = register_of(type);
    if (slots_of(type) == 1 && c->held[reg] != NOT_HELD && can_redirect(c, reg)) {
        settle_home(c, &c->values[c->held[reg]]);
    }
}

void emit_comparison(struct compiler *c, uint32_t at, enum operation_number operation) {
    emit_result(c, at, operation, VALUE_I32);
    if (c->last.kind == LAST_IN_REGISTER) {
        c->last.kind = LAST_COMPARE;
    }
}
