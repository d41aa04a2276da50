/* Two implementations of the machine's operations against each other: thumb2.S, and portable.c, which
 * defines them, in one image for an emulated Cortex-M. For every operation: short programs around it,
 * made of a seed, run by both from the same state; afterwards frame, linear memory, registers, fuel and
 * trap have to be the same - after a trap, linear memory alone. Arguments: `runs` for each operation,
 * and one operation's name. */
#include <stdio.h>
#include <stdlib.h>

#include "frame.h"
#include "handlers.h"
#include "m3.h"
#include "numeric.h"
#include "traps.h"

/* portable.c's, renamed by the Makefile. */
extern const handler portable_handlers[OPERATION_COUNT];
trap_text portable_enter(const cell *pc, slot *frame, struct machine *machine);

typedef trap_text (*enter_function)(const cell *pc, slot *frame, struct machine *machine);

/* registers.S: calls `enter`, and tells whether it kept the registers that a function has to keep. */
trap_text enter_checked(const cell *pc, slot *frame, struct machine *machine, enter_function enter);
extern uint32_t registers_changed;

const trap_text m3Err_trapOutOfBoundsMemoryAccess = "out of bounds",
                m3Err_trapDivisionByZero = "by zero", m3Err_trapIntegerOverflow = "integer overflow",
                m3Err_trapIntegerConversion = "integer conversion",
                m3Err_trapIndirectCallTypeMismatch = "type mismatch",
                m3Err_trapTableIndexOutOfRange = "table index",
                m3Err_trapTableElementIsNull = "table element", m3Err_trapUnreachable = "unreachable",
                m3Err_trapStackOverflow = "stack overflow";

/* ---- what both work on -------------------------------------------------------------------------- */

#define SLOTS 96u  /* of a frame; the first half is of random operands */
#define STACK 512u /* slots */
#define MEMORY 64u /* bytes of linear memory */
#define CELLS 256u
#define STACK_MAX 1024u /* native; a run takes the same however long it is */

static struct {
    slot stack[STACK];
    uint8_t memory[MEMORY];
    struct machine machine;
    trap_text trap;
    uint32_t refuels, refuels_max; /* so many, then a trap */
} now;
static cell code[CELLS], *at;
static const handler *handlers;
static const cell *callee;
static bool stack_is_wrong;
static uintptr_t stack_start;

static const char *const out_of_time = "out of time", *const slow_trap = "slow";

static uint32_t seed;

/* A table whose elements are the callee, but for some that are empty or of another type. */
static M3FuncType other_type;
static M3Function function = {.funcType = (IM3FuncType)(void *)&seed}, other = {.funcType = &other_type};
static IM3Function table[64];
static M3Module module = {.table0 = table, .table0Size = 64};
static M3Runtime runtime = {.modules = &module};

static void fill_table(void) {
    function.compiled = (pc_t)(const void *)callee;
    for (size_t i = 0; i < 64; i++) {
        table[i] = i % 8 == 3 ? NULL : i % 8 == 5 ? &other : &function;
    }
}

static uint32_t random_word(void) { /* xorshift */
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

static uint32_t below(uint32_t limit) {
    return (random_word() >> 8) % limit;
}

static uint32_t random_operand(void) {
    static const uint32_t edges[] = {0,
                                     1,
                                     2,
                                     7,
                                     31,
                                     32,
                                     33,
                                     63,
                                     64,
                                     0x7f,
                                     0x80,
                                     0xff,
                                     0x7fff,
                                     0x8000,
                                     0xffff,
                                     0x7fffffff,
                                     0x80000000,
                                     0x80000001,
                                     0xfffffffe,
                                     0xffffffff,
                                     0x3f800000 /* 1 */,
                                     0xbf800000,
                                     0x40490fdb,
                                     0x7f800000 /* inf */,
                                     0xff800000,
                                     0x7fc00000 /* NaN */,
                                     0xffc00001,
                                     0x7f800001 /* signalling */,
                                     0x00800000,
                                     0x00000003,
                                     0x807fffff /* subnormal */,
                                     0x7f7fffff,
                                     0x4b800001,
                                     0x5f000000};
    switch (below(8)) {
    case 0:
        return random_word();
    case 1:
        return below(MEMORY + 8);
    case 2:
        return f32_bits((float)(int32_t)random_word() / 65536.0f);
    default:
        return edges[below(sizeof edges / sizeof edges[0])];
    }
}

/* ---- what the operations call ------------------------------------------------------------------- */

/* Wherever C is called from, the stack is aligned and has not grown. */
static void look_at_stack(void) {
    _Alignas(8) volatile uint64_t on_stack = 0;
    uintptr_t here = (uintptr_t)&on_stack;
    __asm__("" : "+r"(here)); /* the compiler takes for granted what is to be found out */
    stack_is_wrong |= here % 8 != 0 || stack_start - here > STACK_MAX;
}

trap_text machine_refuel(struct machine *machine) {
    look_at_stack();
    machine->fuel = 3;
    return ++now.refuels > now.refuels_max ? out_of_time : NULL;
}

trap_text machine_call_host(const cell *cells, slot *frame, struct machine *machine) {
    look_at_stack();
    frame[0] += (uint32_t)cells[1] + (uint32_t)machine->fuel;
    machine->fuel--;
    return frame[0] % 8 == 0 ? slow_trap : NULL;
}

const cell *machine_table_call(uint32_t index, const void *type, struct machine *machine,
                               trap_text *why) {
    look_at_stack();
    return find_in_table(machine, index, type, why);
}

static trap_text slow(slot *frame, const cell *cells, struct machine *machine) {
    look_at_stack();
    frame_put(frame, cells[0], frame_get(frame, cells[0]) + (uint32_t)machine->fuel);
    machine->fuel--;
    return frame_get(frame, cells[0]) % 8 == 0 ? slow_trap : NULL;
}

static trap_text keep_fuel(slot *frame, const cell *cells, struct machine *machine) {
    look_at_stack();
    frame_put(frame, cells[0], (uint32_t)machine->fuel);
    return NULL;
}

static uint64_t swap_halves(uint64_t a) {
    look_at_stack();
    return a << 32 | a >> 32;
}

static uint64_t mix(uint64_t a, uint64_t b) {
    look_at_stack();
    return a * 3 - b;
}

static uint32_t is_less(uint64_t a, uint64_t b) {
    look_at_stack();
    return a < b;
}

float machine_f32_sqrt(float a) {
    look_at_stack();
    return __builtin_sqrtf(a);
}

/* ---- programs ----------------------------------------------------------------------------------- */

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

/* ---- the cells of an operation ------------------------------------------------------------------ */

/* A letter each: s d a slot, c a constant, n a shift's count, t a target, p a place in memory, b m base
 * and bound, l the length of a table, i an index' type, f r k a function's code, frame and link, 1 2 3 a
 * function of 64-bit integers, o a slow operation, h a host link, z three for op_entry. */
static const struct {
    const char *name, *cells;
} special[] = {
    {"unreachable", ""},
    {"out_of_bounds", ""},
    {"entry", "z"},
    {"leave", "L"},
    {"leave_machine", ""},
    {"call", "frk"},
    {"call_indirect_s", "sirk"},
    {"call_indirect_r", "irk"},
    {"host_call", "h"},
    {"br", "t"},
    {"br_loop", "t"},
    {"br_table_s", "sl"},
    {"br_table_r", "l"},
    {"slow_1", "os"},
    {"slow_2", "oss"},
    {"slow_3", "osss"},
    {"slow_4", "ossss"},
    {"copy", "sd"},
    {"copy64", "sd"},
    {"set", "cd"},
    {"set64", "ccd"},
    {"set_r", "d"},
    {"set_f", "d"},
    {"move_fr", ""},
    {"move_rf", ""},
    {"select_s_r", "sss"},
    {"select_s_s", "sssd"},
    {"select_r_r", "ss"},
    {"select_r_s", "ssd"},
    {"load64_s", "sbmd"},
    {"load64_r", "bmd"},
    {"store64_ss", "ssbm"},
    {"store64_rs", "sbm"},
    {"abs_load64", "pd"},
    {"abs_store64", "sp"},
    {"unary64", "1sd"},
    {"binary64", "2ssd"},
    {"compare64_r", "3ss"},
    {"compare64_s", "3ssd"},
    {"i64_extend_s", "sd"},
    {"i64_extend_r", "d"},
};

static const char *const names[] = {
#define NAME(name) #name,
    OPERATIONS(NAME)
#undef NAME
};

static bool starts(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

static const char *find_special(const char *name) {
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        if (strcmp(special[i].name, name) == 0) {
            return special[i].cells;
        }
    }
    if (starts(name, "i64_sh")) {
        return "snd";
    }
    return !starts(name, "i64_") ? NULL : strstr(name, "_sc") != NULL ? "sccd" : "ssd";
}

/* Of stores, and of loads and everything else that ends in where the result goes. */
static void cells_of_store(const char *name, char *cells) {
    const bool absolute = starts(name, "abs_");
    for (const char *letter = strrchr(name, '_') + 1; *letter != '\0'; letter++) {
        if (*letter == 's' || *letter == 'c') {
            *cells++ = *letter;
        }
    }
    strcpy(cells, absolute ? "p" : "bm");
}

static void cells_with_result(const char *name, char *cells) {
    const char *result = strrchr(name, '_') + 1, *mode = result - 2;
    while (mode[-1] != '_') {
        mode--;
    }
    if (starts(name, "abs_")) {
        *cells++ = 'p';
        mode = result - 1;
    }
    for (; *mode != '_'; mode++) {
        if (*mode != 'r') {
            *cells++ = *mode;
        }
    }
    strcpy(cells, strstr(name, "_load") != NULL && !starts(name, "abs_") ? "bm" : "");
    strcat(cells, *result == 'r' ? "" : *result == 's' ? "d" : "t");
}

static void cells_of(const char *name, char *cells) {
    const char *known = find_special(name);
    if (known != NULL) {
        strcpy(cells, known);
    } else if (strstr(name, "store") != NULL) {
        cells_of_store(name, cells);
    } else {
        cells_with_result(name, cells);
    }
}

/* ---- putting them ------------------------------------------------------------------------------- */

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

enum { FRAME_SLOT = SLOTS, LINK_SLOT = FRAME_SLOT + 4 }; /* of a callee */

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
        put((cell)(below(8) != 0 ? &seed : NULL));
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
    char cells[16];
    cells_of(names[number], cells);
    put_operation(number);
    for (const char *letter = cells; *letter != '\0'; letter++) {
        put_cell(*letter, names[number]);
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

static const cell *make_program(enum operation_number number) {
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

/* A loop of many turns that calls C and another function in each. */
static const cell *make_loop(void) {
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

/* ---- one run ------------------------------------------------------------------------------------ */

static void prepare(void) {
    memset(&now, 0, sizeof now);
    for (unsigned i = 0; i < SLOTS / 2; i++) {
        now.stack[i] = random_operand();
    }
    now.stack[FRAME_SLOT] = random_operand();
    for (unsigned i = 0; i < MEMORY; i++) {
        now.memory[i] = (uint8_t)random_word();
    }
    fill_table();
    now.machine = (struct machine){.runtime = &runtime,
                                   .stack_end = now.stack + STACK - below(2) * SLOTS,
                                   .memory = now.memory,
                                   .memory_bytes = MEMORY,
                                   .fuel = (int32_t)below(4)};
    now.refuels_max = below(2);
}

static void run_it(int number, bool portable, uint32_t with) {
    seed = with;
    handlers = portable ? portable_handlers : machine_handlers;
    prepare();
    const bool is_loop = number == OPERATION_COUNT;
    if (is_loop) {
        now.refuels_max = UINT32_MAX;
        now.machine.stack_end = now.stack + STACK;
    }
    const cell *const start = is_loop ? make_loop() : make_program((enum operation_number)number);
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
        if (starts(name, makers[i])) {
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
    static __typeof__(now) expected;
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
        const char *name = number == OPERATION_COUNT ? "loop" : names[number];
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
