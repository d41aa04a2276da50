/* Inside the compiler: one pass over a validated function body. It keeps the operand stack of the
 * validation algorithm, but of places instead of types: where each operand will be at run time. */
#ifndef WASMOTE_MACHINE_COMPILE_H
#define WASMOTE_MACHINE_COMPILE_H

#include <stdbool.h>

#include "frame.h"
#include "instruction.h"
#include "m3.h"
#include "operations.h"
#include "wasm_reader.h"

/* Frames end below 64 KiB, so that a slot's number fits where it is kept. */
#define FRAME_SLOTS_MAX 16383u

/* The two registers; 64-bit values have none. */
enum register_kind { REGISTER_INTEGER, REGISTER_FLOAT, REGISTERS };

enum place { IN_SLOT, IN_REGISTER, CONSTANT };

/* An operand. Its home is the slot that belongs to its position on the operand stack: it goes there
 * when it can stay nowhere else. In a slot below the operands it is a local that has been read. */
struct value {
    uint8_t type, place;
    uint16_t slot, home;
    uint32_t low, high; /* of a constant */
};

struct block {
    uint8_t opcode;
    bool is_function;
    uint8_t single; /* result type, when there is no function type */
    const M3FuncType *type;
    uint16_t height, home; /* of the operand stack below its parameters */
    uint32_t fixups;       /* branches to its end, chained through their target cells; 0 = none */
    uint32_t otherwise;    /* of an if: the branch over it, until its else or end */
    const cell *start;     /* of a loop */
    uint32_t stub;         /* of the last br_table that needed one for this label: its code */
    uint16_t stretch;      /* at the branches to its end, at most */
};

/* The operation emitted last, while its result may still be sent elsewhere or be branched on. */
struct last {
    enum { LAST_FIXED, LAST_IN_REGISTER, LAST_COMPARE, LAST_IN_SLOT } kind;
    uint8_t reg;
    uint16_t operation; /* as it was emitted: result in the register */
    uint16_t slot;      /* LAST_IN_SLOT: where to */
    uint32_t at;        /* the operation's cell; LAST_IN_SLOT: the cell that names the slot */
};

/* The operation whose result a register holds: its result can still go to its home, by one more cell at
 * its end, as long as nothing behind it depends on where code is. */
struct maker {
    uint16_t operation; /* as it was emitted: result in the register */
    uint32_t at, end;   /* end = 0: unknown */
};

struct local {
    uint16_t slot;
    uint8_t type;
};

struct compiler {
    struct machine *machine;
    struct M3Module *module;
    const M3FuncType *type; /* of the function */
    struct wasm_reader in;

    struct value *values;
    uint32_t count;
    uint32_t settled; /* the values below are at home, or constants: none is looked at again */
    struct block *blocks;
    uint32_t depth;
    struct local *locals;
    uint32_t local_count;
    uint32_t held[REGISTERS]; /* index of the value in each register, or NOT_HELD */
    struct maker makers[REGISTERS];
    uint32_t fixed; /* code before this cell stays where it is */

    cell *code;
    uint32_t at, limit; /* cells; beyond the limit nothing is written */
    uint32_t room;      /* bytes, of which the code has a part */
    uint32_t *marks_end;
    uint32_t marks;
    bool memory_grows;

    uint16_t link_slot, operands_start;
    uint32_t frame_slots; /* most so far */
    bool reachable;
    uint32_t stretch; /* what may have been run since fuel was burnt */
    struct last last;
};
#define NOT_HELD UINT32_MAX
#define UNSETTLED_MAX 32u

/* ---- emit.c: the code --------------------------------------------------------------------------- */

void emit(struct compiler *c, cell word);
uint32_t emit_operation(struct compiler *c, enum operation_number operation); /* its index */
void emit_slot(struct compiler *c, unsigned to);
void emit_operand(struct compiler *c, const struct value *value); /* nothing for one in a register */
/* An address in linear memory, which moves when that grows. */
void emit_memory_address(struct compiler *c, uint32_t offset);
/* A branch's target cell, to be filled by bind_branches(); each chain begins with 0. */
void emit_fixup(struct compiler *c, uint32_t *chain);
void add_fixup(struct compiler *c, uint32_t *chain, uint32_t at);
void bind_branches(struct compiler *c, uint32_t *chain);
void patch_cell(struct compiler *c, uint32_t at, cell word);
const cell *code_here(const struct compiler *c);

/* Ends an operation that began at `at` and has the results RESULT_REGISTER and RESULT_SLOT. */
void emit_result(struct compiler *c, uint32_t at, enum operation_number operation, uint8_t type);
void emit_result_in_slot(struct compiler *c, uint8_t type);
/* Before an operation whose result is of this type: what is in its register goes to its home, if that
 * costs one cell, so that what comes now may stay. */
void free_register(struct compiler *c, uint8_t type);
/* Makes a register's value go to its home where it was made. false: too late. */
bool redirect_home(struct compiler *c, const struct value *value);
void emit_comparison(struct compiler *c, uint32_t at, enum operation_number operation);

/* ---- operands.c: the operand stack -------------------------------------------------------------- */

enum register_kind register_of(uint8_t type);
unsigned next_home(const struct compiler *c);
void use_slots(struct compiler *c, unsigned end);

struct value *push_home(struct compiler *c, uint8_t type); /* it is in its home already */
void push_homes(struct compiler *c, const uint8_t *types, uint32_t count);
void push_slot(struct compiler *c, uint8_t type, unsigned to);
void push_register(struct compiler *c, uint8_t type);
void push_constant(struct compiler *c, uint8_t type, uint32_t low, uint32_t high);
struct value pop_value(struct compiler *c);
void drop_to(struct compiler *c, uint32_t height);
/* Before the operand stack grows: at most UNSETTLED_MAX of it are neither at home nor constants, so that
 * settling takes no longer the more there are. */
void settle_oldest(struct compiler *c);

/* Sends a value to a slot. */
void settle_in(struct compiler *c, struct value *value, unsigned to);
void settle_home(struct compiler *c, struct value *value);
void settle_in_any_slot(struct compiler *c, struct value *value);
void settle_constant(struct compiler *c,
                     struct value *value); /* where only a slot or register will do */
void settle_registers(struct compiler *c);
/* Nothing on the stack depends on what the code ahead, which may run or not, does to locals. */
void settle_all(struct compiler *c);
void settle_top(struct compiler *c, uint32_t count); /* constants too */
/* Before a local is written: whoever has read it keeps what it was. */
void settle_readers(struct compiler *c, const struct local *local);

/* ---- by kind of instruction --------------------------------------------------------------------- */

/* Each compiles the instruction `opcode`, whose immediates c->in is at; false: it is not of this kind.
 */
bool compile_control(struct compiler *c, uint32_t opcode);
bool compile_variable(struct compiler *c, uint32_t opcode);
bool compile_memory(struct compiler *c, uint32_t opcode);
bool compile_numeric(struct compiler *c, uint32_t opcode);
void compile_extension(struct compiler *c, bool is_signed); /* i64.extend_i32_s or _u */

void open_function_block(struct compiler *c);

/* An operation that jumps when the condition, popped already, is not zero (when) or is (not when); the
 * target's cell has to follow. loop: the target is one. */
void compile_condition(struct compiler *c, struct value *condition, bool when, bool loop);

/* ---- stretch.c: fuel where there is neither call nor loop ----------------------------------------- */

void count_instruction(struct compiler *c, uint32_t opcode);
void count_loop(struct compiler *c); /* before its start */
void count_branch(const struct compiler *c, struct block *block);
void count_label(struct compiler *c, const struct block *block);

/* Its second byte for those with a prefix: enum opcode. */
uint32_t read_opcode(struct compiler *c);

#endif
