/* Two implementations of the machine's operations against each other: thumb2.S, and portable.c, which
 * defines them, in one image for an emulated Cortex-M. For every operation: short programs around it,
 * made of a seed, run by both from the same state; afterwards frame, linear memory, registers, fuel and
 * trap have to be the same - after a trap, linear memory alone. Arguments: `runs` for each operation,
 * and one operation's name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "callees.h"
#include "cells.h"
#include "chance.h"
#include "programs.h"

/* portable.c's, renamed by the Makefile. */
extern const handler portable_handlers[OPERATION_COUNT];
trap_text portable_enter(const cell *pc, slot *frame, struct machine *machine);

typedef trap_text (*enter_function)(const cell *pc, slot *frame, struct machine *machine);

/* registers.S: calls `enter`, and tells whether it kept the registers that a function has to keep. */
trap_text enter_checked(const cell *pc, slot *frame, struct machine *machine, enter_function enter);
extern uint32_t registers_changed;

struct run now;

static void prepare(void) {
    memset(&now, 0, sizeof now);
    for (unsigned i = 0; i < SLOTS / 2; i++) {
        now.stack[i] = random_operand();
    }
    now.stack[FRAME_SLOT] = random_operand();
    for (unsigned i = 0; i < MEMORY; i++) {
        now.memory[i] = (uint8_t)random_word();
    }
    now.machine = (struct machine){.runtime = &runtime,
                                   .stack_end = now.stack + STACK - below(2) * SLOTS,
                                   .memory = now.memory,
                                   .memory_bytes = MEMORY,
                                   .fuel = (int32_t)below(4)};
    now.refuels_max = below(2);
}

static void run_it(int number, bool portable, uint32_t with) {
    seed = with;
    const handler *const handlers = portable ? portable_handlers : machine_handlers;
    prepare();
    const bool is_loop = number == OPERATION_COUNT;
    if (is_loop) {
        now.refuels_max = UINT32_MAX;
        now.machine.stack_end = now.stack + STACK;
    }
    const cell *const start =
        is_loop ? make_loop(handlers) : make_program((enum operation_number)number, handlers);
    fill_table(callee);
    now.trap = enter_checked(start, now.stack, &now.machine, portable ? portable_enter : machine_enter);
    if (now.trap != NULL) {
        now.machine.fuel = 0; /* nobody looks at it any more */
    }
}

/* ---- the comparison ----------------------------------------------------------------------------- */

static bool is_nan(uint32_t bits) {
    return (bits & 0x7fffffffu) > 0x7f800000u;
}

/* Which operand's payload the result has is open, and the compiler may have exchanged them. */
static bool makes_nans(const char *name) {
    static const char *const makers[] = {"f32_add", "f32_sub", "f32_mul", "f32_div", "f32_sqrt"};
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        if (strncmp(name, makers[i], strlen(makers[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_same(uint32_t a, uint32_t b, bool any_nan) {
    return a == b || (any_nan && is_nan(a) && is_nan(b) && (b & 1u << 22) != 0);
}

static bool same_stacks(const slot *expected, const slot *got, bool any_nan) {
    for (unsigned i = 0; i < STACK; i++) {
        if (!is_same(expected[i], got[i], any_nan)) {
            printf("slot %u: %08lx, not %08lx\n", i, (unsigned long)got[i], (unsigned long)expected[i]);
            return false;
        }
    }
    return true;
}

static bool runs_the_same(int number, const char *name, uint32_t with) {
    static struct run expected;
    run_it(number, true, with);
    memcpy(&expected, &now, sizeof now);
    run_it(number, false, with);
    bool same = now.trap != NULL || same_stacks(expected.stack, now.stack, makes_nans(name));
    same &= expected.trap == now.trap && expected.machine.fuel == now.machine.fuel &&
            expected.refuels == now.refuels &&
            memcmp(expected.memory, now.memory, sizeof now.memory) == 0;
    if (!same || registers_changed != 0 || stack_is_wrong) {
        printf("%s, seed %lu: trap %s, not %s; %lu registers changed%s\n", name, (unsigned long)with,
               now.trap == NULL ? "none" : now.trap, expected.trap == NULL ? "none" : expected.trap,
               (unsigned long)registers_changed, stack_is_wrong ? "; the stack is wrong" : "");
        return false;
    }
    return true;
}

int main(int argc, char **argv) {
    const uint32_t runs = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 200;
    uint32_t failed = 0, compared = 0;
    stack_start = (uintptr_t)__builtin_frame_address(0);
    for (int number = 0; number <= OPERATION_COUNT; number++) {
        const char *name = number == OPERATION_COUNT ? "loop" : operation_names[number];
        if (argc > 2 && strcmp(argv[2], name) != 0) {
            continue;
        }
        uint32_t run = 0;
        while (run < runs && runs_the_same(number, name, (uint32_t)number * 0x9e3779b9u + run + 1)) {
            run++;
        }
        failed += run < runs;
        compared++;
    }
    printf("%lu of %lu operations differ\n", (unsigned long)failed, (unsigned long)compared);
    return failed != 0 || compared == 0;
}
