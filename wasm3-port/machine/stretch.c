/* How long code may run without burning fuel: calls and loops do, but the body between can be long. What
 * a stretch of code costs at most is known when it is compiled, along every way through its blocks;
 * where it gets long, an operation burns a unit too. A unit is thus never more than MACHINE_STRETCH. */
#include "compile.h"
#include "machine.h"

/* In operations of one register; measured on a Cortex-M4F and rounded up. */
enum { CHEAP = 1, FLOAT = 4, CALLED = 8, CALL = 16, DIVISION = 32 };

static bool is_between(uint32_t opcode, uint32_t first, uint32_t last) {
    return opcode >= first && opcode <= last;
}

static bool divides(uint32_t opcode) {
    return is_between(opcode, OPCODE_I64_DIV_S, OPCODE_I64_REM_U) || opcode == OPCODE_F64_DIV ||
           opcode == OPCODE_F64_SQRT || opcode == OPCODE_F32_DIV || opcode == OPCODE_F32_SQRT;
}

static uint32_t cost_of(uint32_t opcode) {
    if (opcode == OPCODE_MEMORY_GROW) {
        return MACHINE_STRETCH; /* as long as the memory */
    }
    if (divides(opcode)) {
        return DIVISION;
    }
    if (opcode == OPCODE_CALL || opcode == OPCODE_CALL_INDIRECT) {
        return CALL;
    }
    if (is_between(opcode, OPCODE_F32_EQ, OPCODE_F32_GE) ||
        is_between(opcode, OPCODE_F32_ABS, OPCODE_F32_COPYSIGN)) {
        return FLOAT;
    }
    if (is_between(opcode, OPCODE_I64_EQZ, OPCODE_F64_GE) ||
        is_between(opcode, OPCODE_I64_CLZ, OPCODE_F64_REINTERPRET_I64) ||
        opcode >= OPCODE_I64_EXTEND8_S) {
        return CALLED;
    }
    return CHEAP;
}

trap_text machine_burn(slot *frame, const cell *at, struct machine *machine) {
    (void)frame, (void)at;
    return burn_unit(machine);
}

static void emit_burn(struct compiler *c) {
#ifndef MACHINE_NO_FUEL /* only to measure what it costs: tests/kernels */
    emit_operation(c, OP_slow_1);
    emit(c, (cell)machine_burn);
    emit(c, 0);
#endif
    c->stretch = 0;
}

void count_instruction(struct compiler *c, uint32_t opcode) {
    if (opcode == OPCODE_MEMORY_COPY || opcode == OPCODE_MEMORY_FILL) {
        c->stretch = 0; /* they burn as many units as their length takes, the last one at their end */
    }
    c->stretch += cost_of(opcode);
    if (c->stretch >= MACHINE_STRETCH && c->reachable && c->depth > 0) {
        emit_burn(c);
    }
}

/* Rather before a loop than in each of its turns. */
void count_loop(struct compiler *c) {
    if (c->stretch >= MACHINE_STRETCH / 2) {
        emit_burn(c);
    }
}

void count_branch(const struct compiler *c, struct block *block) {
    if (c->stretch > block->stretch) {
        block->stretch = (uint16_t)c->stretch;
    }
}

void count_label(struct compiler *c, const struct block *block) {
    if (!c->reachable || block->stretch > c->stretch) {
        c->stretch = block->stretch;
    }
}
