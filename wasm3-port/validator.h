/* What the validator's files share; validate.h is its interface. */
#ifndef WASMOTE_VALIDATOR_H
#define WASMOTE_VALIDATOR_H

#include "instruction.h"
#include "validate.h"
#include "wasm_reader.h"

#define GLOBAL_TYPE 0x0fu
#define GLOBAL_MUTABLE 0x80u

/* Types of a block that are no function type: BLOCK_EMPTY, and below it one result. */
#define BLOCK_EMPTY (-1)
#define BLOCK_OF(value_type) (BLOCK_EMPTY - (int)(value_type))

/* Value types as they stand in the module, and how many. */
struct value_types {
    const uint8_t *bytes;
    uint32_t count;
};

struct signature {
    struct value_types params, results;
};

static inline bool validator_ok(const struct validator *v) {
    return v->status == WM_OK && !v->in.bad;
}

/* Refuses the item at hand, unless something was refused before; cause, or "" to add to the text that
 * it gives back. If reading has gone bad, that is the cause. */
struct text *validator_refuse(struct validator *v, wm_status status, const char *cause);

/* Whether number <= max; else it refuses with both. */
bool validator_limit(struct validator *v, uint32_t number, uint32_t max, const char *what);

/* Reads an index below count; 0 with a refusal otherwise. */
uint32_t validator_index(struct validator *v, uint32_t count, const char *what);

/* Refuses what has been cut off or not been read to its end. */
void validator_finish(struct validator *v);

/* What an instruction is called in a sentence. */
void validator_add_name(struct text *text, uint32_t code);

/* Names the feature that an unknown code belongs to. */
void validator_refuse_code(struct validator *v, uint32_t code);

/* The byte of a value type; VALUE_NONE with a refusal otherwise. */
enum value_type validator_value_type(struct validator *v, uint8_t byte);

/* index: below v->types. */
struct signature validator_type(const struct validator *v, uint32_t index);

/* validate_section.c: the content of v->section, which v->in is over. */
void validate_section(struct validator *v);

/* validate_names.c: refuses two equal names among the first `count` of v->scratch->exports. */
void validate_names_differ(struct validator *v, uint32_t count);

/* validate_code.c: the body that v->in is over, of v->function. */
void validate_body(struct validator *v);

#endif
