/* One numeric instruction through the machine's C function for it, on a frame of its own. */
#ifndef NUMERIC_APPLY_H
#define NUMERIC_APPLY_H

#include <stdbool.h>
#include <stdint.h>

enum outcome { RESULT, TRAP_BY_ZERO, TRAP_OVERFLOW, TRAP_CONVERSION, MISSING };

/* f32 arithmetic that handlers in C leave to the compiler, and through it to libgcc, and sqrt. */
bool numeric_is_handled_f32(uint32_t opcode);

/* a, b and *result: bits, smaller types in the low ones. MISSING: there is no function, or it wrote
 * beside its result. */
enum outcome numeric_apply(uint32_t opcode, uint64_t a, uint64_t b, uint64_t *result);

/* The same bits, or both a NaN that the specification allows here (section 4.3.3, NaN propagation). */
bool numeric_agrees(uint32_t opcode, uint64_t a, uint64_t b, uint64_t got, uint64_t want);

/* A case for another core. */
struct numeric_vector {
    uint32_t opcode, outcome;
    uint64_t a, b, want;
};

#endif
