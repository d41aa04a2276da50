/* Control: recursion, calls through a table, and a switch over byte code. */
#include "kernels.h"

#define STEPS 1500
#define CELLS 16
#define FIBONACCI 15

static struct { uint32_t cells[CELLS]; } d;

INITIALISE {
    uint32_t state = 4;
    for (size_t i = 0; i < CELLS; i++) {
        d.cells[i] = next_random(&state);
    }
}

CHECKSUM_OF(d)

/* Not a loop in disguise: neither compiler removes both calls. */
__attribute__((noinline)) static uint32_t fibonacci(uint32_t n) {
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

KERNEL(recursive_fib) {
    return fibonacci(FIBONACCI);
}

/* ---- calls through a table ---------------------------------------------------------------- */

static uint32_t add(uint32_t a, uint32_t b) {
    return a + b;
}

static uint32_t subtract(uint32_t a, uint32_t b) {
    return a - b;
}

static uint32_t exclude(uint32_t a, uint32_t b) {
    return a ^ b;
}

static uint32_t multiply(uint32_t a, uint32_t b) {
    return a * (b | 1);
}

static uint32_t turn(uint32_t a, uint32_t b) {
    return a << (b & 31) | a >> (-b & 31);
}

static uint32_t (*const functions[])(uint32_t, uint32_t) = {add,  subtract, exclude, multiply,
                                                            turn, exclude,  add,     turn};

KERNEL(call_indirect) {
    uint32_t value = 1;
    for (uint32_t i = 0; i < STEPS; i++) {
        uint32_t *at = &d.cells[i % CELLS];
        value = functions[value % 8](value + i, *at);
        *at = value;
    }
    return value;
}

/* ---- a machine of eight instructions ------------------------------------------------------- */

enum { LOAD, ADD, MULTIPLY, XOR, STORE, DECREMENT, JUMP_NOT_ZERO, HALT };

/* An instruction and its operand. Cell 0 counts down. */
static const uint8_t program[] = {
    LOAD,      1, ADD,  2, MULTIPLY,      3, STORE, 1, /* cell 1 = (cell 1 + cell 2) cell 3 */
    LOAD,      2, XOR,  1, STORE,         2,           /* cell 2 ^= cell 1 */
    LOAD,      3, ADD,  2, STORE,         3,           /* cell 3 += cell 2 */
    DECREMENT, 0, LOAD, 0, JUMP_NOT_ZERO, 0, HALT,  0,
};

KERNEL(byte_code) {
    uint32_t accumulator = 0, steps = 0;
    d.cells[0] = 250;
    for (size_t pc = 0;; steps++) {
        const uint8_t operand = program[pc + 1];
        const uint8_t instruction = program[pc];
        pc += 2;
        switch (instruction) {
        case LOAD:
            accumulator = d.cells[operand];
            break;
        case ADD:
            accumulator += d.cells[operand];
            break;
        case MULTIPLY:
            accumulator *= d.cells[operand];
            break;
        case XOR:
            accumulator ^= d.cells[operand];
            break;
        case STORE:
            d.cells[operand] = accumulator;
            break;
        case DECREMENT:
            d.cells[operand]--;
            break;
        case JUMP_NOT_ZERO:
            pc = accumulator != 0 ? operand : pc;
            break;
        default:
            return steps;
        }
    }
}
