/* The operand stack of the body that is being validated. */
#ifndef WASMOTE_VALIDATE_OPERANDS_H
#define WASMOTE_VALIDATE_OPERANDS_H

#include "validator.h"

#define VALUE_ANY 5u /* of a polymorphic stack: what lies there suits whoever takes it */

static inline uint8_t value_type_of(uint8_t byte) {
    return (uint8_t)(0x80u - byte);
}

static inline struct validate_block *innermost_block(struct validator *v) {
    return &v->scratch->blocks[v->blocks - 1];
}

void push_operand(struct validator *v, uint8_t type);
void push_operands(struct validator *v, struct value_types types);

/* The type of what lay on top, which it refuses unless it is `wanted` or either is VALUE_ANY. Operands
 * of the block around are out of reach. */
uint8_t pop_operand(struct validator *v, uint8_t wanted);
void pop_operands(struct validator *v, struct value_types types);

/* Whether these lie on top, the last one topmost; else it refuses. */
bool expect_operands(struct validator *v, struct value_types types);

#endif
