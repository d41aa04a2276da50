/* The numeric instructions that are not worth a handler of their own, as C functions. Their results
 * are the bits that the specification asks for on every core, with or without an FPU; of the NaNs that
 * it allows each core gives its own. */
#ifndef WASMOTE_MACHINE_NUMERIC_H
#define WASMOTE_MACHINE_NUMERIC_H

#include "frame.h"

enum numeric_kind {
    NUMERIC_SLOW,     /* slow_operation: slots of the operands, slot of the result */
    NUMERIC_UNARY64,  /* unary64_function */
    NUMERIC_BINARY64, /* binary64_function */
    NUMERIC_COMPARE64 /* compare64_function: 1 or 0. i64.eqz has one operand, so it is SLOW */
};

struct numeric {
    enum numeric_kind kind;
    void (*function)(void); /* to be called as the type that goes with its kind */
};

/* false: the instruction has a handler, or is not numeric. */
bool machine_numeric_find(uint32_t opcode, struct numeric *numeric);

float machine_f32_sqrt(float value);

#endif
