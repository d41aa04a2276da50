/* Valid modules by construction: what a compiler would never write, but the validator takes. Every
 * choice is a byte of an input, so that a fuzzer can steer it and that the same input gives the same
 * module. */
#ifndef FUZZ_PROGRAM_H
#define FUZZ_PROGRAM_H

#include "fuzz.h"

#define PROGRAM_BYTES 24576
#define PROGRAM_FUNCTIONS 4
#define PROGRAM_PARAMETERS 5

enum program_kind {
    PROGRAM_WILD,       /* loops may be endless, floats may show the bits of their NaNs */
    PROGRAM_COMPARABLE, /* ends, and gives the same bits on every engine; pages of 16 KiB */
    PROGRAM_IN_BYTES,   /* the same one with pages of one byte, for engines without those of 16 KiB */
};

/* Exports: f0, f1 ...; `reset`, to be called before each of them; `memory_sum`, an i64; globals g1, g2
 * ..., one of each type that is set as it runs; the import h.h takes an i32 and an i64 and answers 0, an
 * i64. */
struct program {
    uint8_t wasm[PROGRAM_BYTES];
    uint32_t len;
    uint32_t functions;
    uint32_t parameters[PROGRAM_FUNCTIONS];
    uint64_t arguments[PROGRAM_FUNCTIONS][PROGRAM_PARAMETERS];
};

void program_make(struct fuzz_input *choices, enum program_kind kind, struct program *program);

#endif
