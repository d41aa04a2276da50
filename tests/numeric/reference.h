/* What the numeric instructions should give, from the host's C compiler, FPU and libm; and operands to
 * ask it for. */
#ifndef NUMERIC_REFERENCE_H
#define NUMERIC_REFERENCE_H

#include "apply.h"

enum outcome numeric_reference(uint32_t opcode, uint64_t a, uint64_t b, uint64_t *result);

/* The instructions under test: at n, or 0 behind the last. */
uint32_t numeric_opcode(unsigned n);

/* Operands for an instruction: any bits, those where something changes, those near them, and pairs
 * that cancel or underflow. Deterministic. */
void numeric_draw(uint32_t opcode, uint64_t *state, uint64_t *a, uint64_t *b);

#endif
