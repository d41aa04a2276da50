#include "callees.h"

#include "m3.h"
#include "traps.h"

#define STACK_MAX 1024u /* native; a run takes the same however long it is */

const trap_text m3Err_trapOutOfBoundsMemoryAccess = "out of bounds",
                m3Err_trapDivisionByZero = "by zero", m3Err_trapIntegerOverflow = "integer overflow",
                m3Err_trapIntegerConversion = "integer conversion",
                m3Err_trapIndirectCallTypeMismatch = "type mismatch",
                m3Err_trapTableIndexOutOfRange = "table index",
                m3Err_trapTableElementIsNull = "table element", m3Err_trapUnreachable = "unreachable",
                m3Err_trapStackOverflow = "stack overflow";

uintptr_t stack_start;
bool stack_is_wrong;

static const char *const out_of_time = "out of time", *const slow_trap = "slow";

static M3FuncType own_type, other_type;
static M3Function function = {.funcType = &own_type}, other = {.funcType = &other_type};
static IM3Function table[64];
static M3Module module = {.table0 = table, .table0Size = 64};
M3Runtime runtime = {.modules = &module};
const void *const type_in_table = &own_type;

void fill_table(const cell *callee) {
    function.compiled = (pc_t)(const void *)callee;
    for (size_t i = 0; i < 64; i++) {
        table[i] = i % 8 == 3 ? NULL : i % 8 == 5 ? &other : &function;
    }
}

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

trap_text slow(slot *frame, const cell *cells, struct machine *machine) {
    look_at_stack();
    frame_put(frame, cells[0], frame_get(frame, cells[0]) + (uint32_t)machine->fuel);
    machine->fuel--;
    return frame_get(frame, cells[0]) % 8 == 0 ? slow_trap : NULL;
}

trap_text keep_fuel(slot *frame, const cell *cells, struct machine *machine) {
    look_at_stack();
    frame_put(frame, cells[0], (uint32_t)machine->fuel);
    return NULL;
}

uint64_t swap_halves(uint64_t a) {
    look_at_stack();
    return a << 32 | a >> 32;
}

uint64_t mix(uint64_t a, uint64_t b) {
    look_at_stack();
    return a * 3 - b;
}

uint32_t is_less(uint64_t a, uint64_t b) {
    look_at_stack();
    return a < b;
}

float machine_f32_sqrt(float a) {
    look_at_stack();
    return __builtin_sqrtf(a);
}
