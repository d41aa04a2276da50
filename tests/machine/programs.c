#include "programs.h"

#include <stdio.h>
#include <stdlib.h>

#include "callees.h"
#include "cells.h"
#include "chance.h"

#define CELLS 256u

static cell code[CELLS], *at;
static const handler *handlers;
const cell *callee;

static void put(cell word) {
    *at++ = word;
}

static void put_operation(enum operation_number number) {
    put((cell)handlers[number]);
}

static void put_slot(unsigned number) {
    put(number * sizeof(slot));
}

/* An operand's slot: few of them, so that they are the same one now and then. */
static void put_some_slot(void) {
    put_slot(below(8));
}

enum { SLOT_MARK = SLOTS / 2, SLOT_R, SLOT_F, SLOT_FUEL };

static void put_constant_in_r(uint32_t value) {
    put_operation(OP_set);
    put(value);
    put_slot(SLOT_R);
    put_operation(OP_i32_or_sc_r);
    put_slot(SLOT_R);
    put(0);
}

static void put_prologue(void) {
    put_constant_in_r(random_operand());
    put_operation(OP_move_fr);
    put_constant_in_r(random_operand());
}

/* Keeps the state where it can be compared, and how the program came here. */
static void put_epilogue(uint32_t mark) {
    put_operation(OP_set);
    put(mark);
    put_slot(SLOT_MARK);
    put_operation(OP_set_r);
    put_slot(SLOT_R);
    put_operation(OP_set_f);
    put_slot(SLOT_F);
    put_operation(OP_slow_1);
    put((cell)keep_fuel);
    put_slot(SLOT_FUEL);
    put_operation(OP_leave_machine);
}

static unsigned width_of(const char *name) {
    return strstr(name, "64") != NULL   ? 8
           : strstr(name, "16") != NULL ? 2
           : strchr(name, '8') != NULL  ? 1
                                        : 4;
}

static cell *targets[8];
static unsigned target_count;

static void put_target(void) {
    targets[target_count++] = at;
    put(0);
}

static void put_table(void) {
    const unsigned count = below(6);
    put(count);
    for (unsigned i = 0; i <= count; i++) {
        put_target();
    }
}

static void put_entry(void) {
    put((random_word() & 1 ? STACK : STACK - SLOTS) * sizeof(slot) - 4 + below(3) * 4);
    put_slot(10);
    put(below(6));
}

static void put_memory(char letter, const char *name) {
    static uint32_t offset;
    if (letter == 'm') {
        put(MEMORY - offset - width_of(name));
        return;
    }
    offset = below(MEMORY - 8);
    put((cell)now.memory + offset);
}

static void put_host_link(void) {
    put_slot(4);
    put(random_word());
}

static void put_cell(char letter, const char *name) {
    switch (letter) {
    case 's':
    case 'd':
        put_some_slot();
        break;
    case 'c':
        put(random_operand());
        break;
    case 'n':
        put(below(64));
        break;
    case 't':
        put_target();
        break;
    case 'p':
    case 'b':
    case 'm':
        put_memory(letter, name);
        break;
    case 'l':
        put_table();
        break;
    case 'i':
        put((cell)(below(8) != 0 ? type_in_table : NULL));
        break;
    case 'f':
        put((cell)&callee);
        break;
    case 'r':
        put_slot(FRAME_SLOT);
        break;
    case 'k':
        put_slot(LINK_SLOT);
        break;
    case 'L':
        put_slot(4);
        break;
    case '1':
        put((cell)swap_halves);
        break;
    case '2':
        put((cell)mix);
        break;
    case '3':
        put((cell)is_less);
        break;
    case 'o':
        put((cell)slow);
        break;
    case 'h':
        put_host_link();
        break;
    case 'z':
        put_entry();
        break;
    default:
        printf("%s: no such cell: %c\n", name, letter);
        exit(2);
    }
}

static void put_with_cells(enum operation_number number) {
    char cells[CELLS_OF_OPERATION];
    cells_of(operation_names[number], cells);
    put_operation(number);
    for (const char *letter = cells; *letter != '\0'; letter++) {
        put_cell(*letter, operation_names[number]);
    }
}

/* A function of one slot that adds two to it, or the host's. */
static void put_callee(bool of_host) {
    callee = at;
    if (of_host) {
        put_operation(OP_host_call);
        put_host_link();
        return;
    }
    put_operation(OP_entry);
    put(7 * sizeof(slot));
    put_slot(6);
    put(1);
    put_operation(OP_i32_add_sc_s);
    put_slot(0);
    put(2);
    put_slot(0);
    put_operation(OP_leave);
    put_slot(4);
}

/* What an operation by itself needs around it: op_leave and op_host_call end a function. */
static bool ends_function(enum operation_number number) {
    return number == OP_leave || number == OP_host_call;
}

const cell *make_program(enum operation_number number, const handler *with) {
    handlers = with;
    at = code;
    target_count = 0;
    put_callee(below(2) != 0);
    const cell *const start = at;
    put_prologue();
    if (ends_function(number)) {
        put_operation(OP_call);
        put((cell)&callee);
        put_slot(FRAME_SLOT);
        put_slot(LINK_SLOT);
        put_epilogue(1);
        callee = at;
        put_with_cells(number);
        return start;
    }
    put_with_cells(number);
    put_epilogue(1);
    for (unsigned i = 0; i < target_count; i++) {
        *targets[i] = (cell)at;
        put_epilogue(2 + i);
    }
    return start;
}

const cell *make_loop(const handler *with) {
    handlers = with;
    at = code;
    put_callee(false);
    const cell *const start = at;
    put_prologue();
    put_operation(OP_set);
    put(1000);
    put_slot(0);
    const cell *const top = at;
    put_operation(OP_slow_1);
    put((cell)keep_fuel);
    put_slot(1);
    put_operation(OP_call);
    put((cell)&callee);
    put_slot(FRAME_SLOT);
    put_slot(LINK_SLOT);
    put_operation(OP_i32_sub_sc_r);
    put_slot(0);
    put(1);
    put_operation(OP_set_r);
    put_slot(0);
    put_operation(OP_i32_ne_rc_l);
    put(0);
    put((cell)top);
    put_epilogue(1);
    return start;
}
