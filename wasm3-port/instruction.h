/* What there is to know about an instruction without its immediates: one table, made from
 * instructions.def, for the validator and for the compiler. */
#ifndef WASMOTE_INSTRUCTION_H
#define WASMOTE_INSTRUCTION_H

#include <stdbool.h>
#include <stdint.h>

/* Value types, in a nibble; the byte in a module is 0x80 - type (section 5.3.1). */
enum value_type { VALUE_NONE, VALUE_I32, VALUE_I64, VALUE_F32, VALUE_F64 };

enum immediates {
    IMMEDIATES_NONE,
    IMMEDIATES_BLOCK,         /* block type: 0x40, a value type, or a type index */
    IMMEDIATES_LABEL,         /* depth */
    IMMEDIATES_BR_TABLE,      /* count, as many depths, and one for all else */
    IMMEDIATES_FUNCTION,      /* index */
    IMMEDIATES_CALL_INDIRECT, /* type index, table index */
    IMMEDIATES_LOCAL,         /* index */
    IMMEDIATES_GLOBAL,        /* index */
    IMMEDIATES_MEMARG,        /* log2 of the alignment, offset */
    IMMEDIATES_MEMORY,        /* memory index */
    IMMEDIATES_MEMORY_MEMORY, /* memory index of the target, of the source */
    IMMEDIATES_I32,           /* signed LEB128 */
    IMMEDIATES_I64,           /* signed LEB128 */
    IMMEDIATES_F32,           /* four bytes */
    IMMEDIATES_F64            /* eight bytes */
};

/* OPCODE_I32_ADD and so on. */
enum opcode {
#define INSTRUCTION(code, word, name, immediates, first, second, third, result, access)                 \
    OPCODE_##word = (code),
#define INSTRUCTION_VARIES(code, word, name, immediates) OPCODE_##word = (code),
#include "instructions.def"
};

#define OPCODE_PREFIX 0xfcu
#define OPCODE_PREFIXED(n) (OPCODE_PREFIX << 8 | (n)) /* n: 0..0xff, the LEB128 behind the prefix */

#define INSTRUCTION_EXISTS 0x80u
#define INSTRUCTION_VARYING 0x40u

struct instruction {
    uint8_t flags_immediates; /* INSTRUCTION_x, and enum immediates in the low nibble */
    uint8_t access_log2;      /* of the bytes that a load or store touches */
    uint8_t first_second;     /* operand types: first in the low nibble */
    uint8_t third_result;     /* the same for the last operand and the result */
};

/* NULL for a code that the engine does not take. O(1). */
const struct instruction *instruction_find(uint32_t code);

/* "i32.add" with INSTRUCTION_NAMES, else "opcode 0x6a"; into buffer, which it returns. */
#define INSTRUCTION_NAME_MAX 24u
const char *instruction_name(uint32_t code, char buffer[INSTRUCTION_NAME_MAX]);

static inline enum immediates instruction_immediates(const struct instruction *row) {
    return (enum immediates)(row->flags_immediates & 0x0f);
}

/* Its operands and result depend on more than the table. */
static inline bool instruction_varies(const struct instruction *row) {
    return (row->flags_immediates & INSTRUCTION_VARYING) != 0;
}

/* n: 0..2, of which the highest that is not VALUE_NONE lies on top of the operand stack. */
static inline enum value_type instruction_operand(const struct instruction *row, unsigned n) {
    return (enum value_type)(n == 2 ? row->third_result & 0x0f : row->first_second >> (4 * n) & 0x0f);
}

static inline enum value_type instruction_result(const struct instruction *row) {
    return (enum value_type)(row->third_result >> 4);
}

#endif
