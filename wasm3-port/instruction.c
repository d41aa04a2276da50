#include "instruction.h"

#include <stddef.h>
#include <string.h>

#ifndef INSTRUCTION_NAMES
#define INSTRUCTION_NAMES 0 /* 1 costs 2.2 KB of flash */
#endif

#define ROW(immediates, flags, first, second, third, result, access)                                    \
    {                                                                                                   \
        .flags_immediates = INSTRUCTION_EXISTS | (flags) | IMMEDIATES_##immediates,                     \
        .access_log2 = (access), .first_second = VALUE_##first | VALUE_##second << 4,                   \
        .third_result = VALUE_##third | VALUE_##result << 4                                             \
    }

/* The codes with the prefix follow those of one byte. */
#define ONE_BYTE_END 0xc5u
#define PREFIXED_END 0x0cu
#define ROW_OF(code) ((code) < 0x100 ? (code) : ONE_BYTE_END + ((code)&0xff))

static const struct instruction rows[ONE_BYTE_END + PREFIXED_END] = {
#define INSTRUCTION(code, word, name, immediates, first, second, third, result, access)                 \
    [ROW_OF(code)] = ROW(immediates, 0, first, second, third, result, access),
#define INSTRUCTION_VARIES(code, word, name, immediates)                                                \
    [ROW_OF(code)] = ROW(immediates, INSTRUCTION_VARYING, NONE, NONE, NONE, NONE, 0),
#include "instructions.def"
};

static bool is_in_table(uint32_t code) {
    return code < ONE_BYTE_END ||
           (code >= OPCODE_PREFIXED(0) && code < OPCODE_PREFIXED(0) + PREFIXED_END);
}

const struct instruction *instruction_find(uint32_t code) {
    if (!is_in_table(code)) {
        return NULL;
    }
    const struct instruction *row = &rows[ROW_OF(code)];
    return (row->flags_immediates & INSTRUCTION_EXISTS) != 0 ? row : NULL;
}

#if INSTRUCTION_NAMES
/* One string instead of an array of pointers, which would take 4 bytes a name more. */
static const char names[] =
#define INSTRUCTION(code, word, name, immediates, first, second, third, result, access) name "\0"
#define INSTRUCTION_VARIES(code, word, name, immediates) name "\0"
#include "instructions.def"
    ;
#else
static const char names[] = "";
#endif

/* The names stand in the order of the rows. */
static const char *name_of(uint32_t code) {
    if (!INSTRUCTION_NAMES || instruction_find(code) == NULL) {
        return NULL;
    }
    const char *name = names;
    for (const struct instruction *row = rows; row < &rows[ROW_OF(code)]; row++) {
        if ((row->flags_immediates & INSTRUCTION_EXISTS) != 0) {
            name += strlen(name) + 1;
        }
    }
    return name;
}

const char *instruction_name(uint32_t code, char buffer[INSTRUCTION_NAME_MAX]) {
    static const char digits[] = "0123456789abcdef", opcode[] = "opcode 0x";
    const char *name = name_of(code);
    if (name != NULL) {
        return strcpy(buffer, name);
    }
    size_t at = sizeof opcode - 1;
    memcpy(buffer, opcode, at);
    for (int shift = code > 0xff ? 12 : 4; shift >= 0; shift -= 4) {
        buffer[at++] = digits[code >> shift & 0x0f];
    }
    buffer[at] = '\0';
    return buffer;
}
