/* A function: its locals, and one step after another until all its blocks have ended. */
#include "maker.h"

#include <string.h>

#define STEPS_MIN 40 /* of a function, if the input is long enough */
#define STEPS_MAX 160

/* Kind 0 is what an input reads as behind its end. A body does not end early by chance. */
static void step(uint32_t steps) {
    const bool may_end = maker.depth > 1 || steps >= STEPS_MIN || fuzz_left(maker.choices) == 0;
    const uint32_t kind = choose(32);
    const bool dead = maker.frames[maker.depth - 1].dead;
    if ((kind < (dead ? 16 : 2) && may_end) || maker.count + 12 > OPERANDS_MAX) {
        step_end();
    } else if (kind < 6) {
        static const uint8_t any[] = {I32, I64, F32, F64};
        produce(any[choose(4)]);
    } else if (kind < 9) {
        if (maker.count > height()) {
            consume();
        }
    } else if (kind < 12) {
        step_tee();
    } else if (kind < 21) {
        step_row();
    } else if (kind < 23) {
        step_select();
    } else if (kind < 26) {
        step_block();
    } else if (kind < 28) {
        step_branch();
    } else if (kind == 28) {
        if (maker.depth > 2) {
            step_br_table();
        }
    } else if (kind == 29) {
        step_call();
    } else if (kind == 30) {
        step_call_indirect();
    } else if (choose(8) == 0) {
        step_return();
    }
}

/* Locals for bodies, then a counter for each counted loop, then one for each type of float. */
static void put_locals(const struct function_type *type) {
    const uint32_t own = choose(8);
    maker.local_count = type->parameter_count;
    memcpy(maker.locals, type->parameters, type->parameter_count);
    put_unsigned(own + 3);
    for (uint32_t i = 0; i < own; i++) {
        static const uint8_t any[] = {I32, I64, F32, F64};
        maker.locals[maker.local_count++] = any[choose(4)];
        put(1);
        put(maker.locals[maker.local_count - 1]);
    }
    put_bytes((const uint8_t[]){COUNTERS, I32, 1, F32, 1, F64}, 6);
    maker.counters = 0;
    maker.spare_f32 = (uint8_t)(maker.local_count + COUNTERS);
    maker.spare_f64 = (uint8_t)(maker.local_count + COUNTERS + 1);
}

void put_function(const struct function_type *type) {
    const uint32_t start = begin_length();
    put_locals(type);
    maker.count = 0;
    maker.depth = 1;
    maker.frames[0] =
        (struct frame){.opcode = BLOCK, .results = type->results, .result_count = type->result_count};
    if (maker.kind != PROGRAM_WILD) {
        burn();
    }
    for (uint32_t steps = 0; maker.depth > 0; steps++) {
        const bool room = maker.out->len - start < 3000 && steps < STEPS_MAX;
        if (!room) {
            step_end();
        } else {
            step(steps);
        }
    }
    end_length(start);
}
