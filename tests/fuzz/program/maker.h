/* A module while it is written, and what the files that write it share. */
#ifndef FUZZ_MAKER_H
#define FUZZ_MAKER_H

#include "program.h"

enum { I32 = 0x7f, I64 = 0x7e, F32 = 0x7d, F64 = 0x7c, NONE = 0 };
enum { BLOCK = 0x02, LOOP = 0x03, IF = 0x04, ELSE = 0x05, END = 0x0b, BR = 0x0c, BR_IF = 0x0d };
enum { BR_TABLE = 0x0e, RETURN = 0x0f, CALL = 0x10, CALL_INDIRECT = 0x11, DROP = 0x1a, SELECT = 0x1b };
enum { LOCAL_GET = 0x20, LOCAL_SET = 0x21, LOCAL_TEE = 0x22, GLOBAL_GET = 0x23, GLOBAL_SET = 0x24 };
enum { MEMORY_SIZE = 0x3f, MEMORY_GROW = 0x40, I32_CONST = 0x41, I64_CONST, F32_CONST, F64_CONST };

#define TYPES_MAX 6
#define OPERANDS_MAX 48
#define DEPTH_MAX 7
#define LOCALS_MAX 24
#define TABLE_SIZE 8
#define COUNTERS 8
#define PAGES_MAX 3

/* Functions: the import, those made by choices, reset, memory_sum. */
#define FIRST_FUNCTION 1

/* The fuel, then two of each type: one that can be set, one constant. */
static const uint8_t global_types[] = {I32, I32, I64, F32, F64, I32, I64, F32, F64};
#define GLOBALS (sizeof global_types)
#define SETTABLE 5

struct function_type {
    uint8_t parameters[PROGRAM_PARAMETERS], results[3];
    uint8_t parameter_count, result_count;
};

struct frame {
    uint8_t opcode;
    const uint8_t *parameters, *results;
    uint8_t parameter_count, result_count;
    uint8_t single, type_index;
    bool has_type, counted, dead;
    uint32_t height;
    uint8_t counter; /* of a counted loop: its local */
};

extern struct maker {
    struct fuzz_input *choices;
    struct program *out;
    enum program_kind kind;
    bool grows;
    struct function_type types[TYPES_MAX + 3];
    uint8_t type_count;
    uint8_t type_of[FIRST_FUNCTION + PROGRAM_FUNCTIONS + 2];
    uint8_t table[TABLE_SIZE], table_count;

    uint8_t locals[LOCALS_MAX + 8], local_count, spare_f32, spare_f64, counters;
    uint8_t stack[OPERANDS_MAX + 16];
    uint32_t count;
    struct frame frames[DEPTH_MAX + 1];
    uint32_t depth;
} maker;

/* ---- maker.c: choices in, bytes out -------------------------------------------------------- */

/* A number below this one. */
uint32_t choose(uint32_t below);
void put(uint32_t byte);
void put_bytes(const void *bytes, size_t len);
void put_unsigned(uint32_t value);
void put_signed(int64_t value);
/* A length as LEB128 of always three bytes, so that it may be written before it is known. */
uint32_t begin_length(void);
void end_length(uint32_t start);
uint32_t begin_section(uint8_t id);

/* ---- operands.c ---------------------------------------------------------------------------- */

void push(uint8_t type);
/* Of the stack where the innermost block began. */
uint32_t height(void);
/* Some value of this type. */
uint64_t bits_of(uint8_t type);
void put_constant(uint8_t type, uint64_t bits);
/* One of the locals that bodies may use, of this type; false: there is none. */
bool find_local(uint8_t type, uint32_t *found);
/* One value of this type, from somewhere. */
void produce(uint8_t type);
/* Brings about that these types are on top; what is there already is taken. */
void want(const uint8_t *types, uint32_t count);
/* The NaN on top, if it is one, becomes the one NaN that every engine has. */
void put_canonical(uint8_t type);
/* The topmost value is used up. */
void consume(void);
/* Exactly these types above the block's height. */
void want_exactly(const uint8_t *types, uint32_t count);

/* ---- steps.c: an instruction with its operands --------------------------------------------- */

void step_row(void);
void step_select(void);
void step_tee(void);
void step_call(void);
void step_call_indirect(void);

/* ---- blocks.c ------------------------------------------------------------------------------ */

/* Takes a unit of fuel, and traps when there is none left. */
void burn(void);
void step_block(void);
void step_branch(void);
void step_br_table(void);
void step_return(void);
void step_end(void);

/* ---- function.c ---------------------------------------------------------------------------- */

/* The locals and the body of one function, with its length. */
void put_function(const struct function_type *type);

#endif
