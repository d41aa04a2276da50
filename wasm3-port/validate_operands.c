#include "validate_operands.h"

void push_operand(struct validator *v, uint8_t type) {
    if (!validator_limit(v, v->operands + 1, WASM_OPERANDS_MAX, " operands")) {
        return;
    }
    v->scratch->operands[v->operands++] = type;
    if (v->operands > v->facts->operands_max) {
        v->facts->operands_max = v->operands;
    }
}

static void refuse_operand(struct validator *v, uint8_t wanted, uint8_t found) {
    static const char names[][8] = {"nothing", "i32", "i64", "f32", "f64", "any"};
    struct text *why = validator_refuse(v, WM_EINVAL, "");
    validator_add_name(why, v->code);
    text_add(why, " needs ");
    text_add(why, wanted == VALUE_ANY ? "an operand" : names[wanted]);
    text_add(why, ", found ");
    text_add(why, names[found]);
}

/* The type at this depth of the innermost block: VALUE_ANY or VALUE_NONE beneath its operands. */
static uint8_t operand_at(struct validator *v, uint32_t depth) {
    const struct validate_block *block = innermost_block(v);
    if (v->operands - block->height > depth) {
        return v->scratch->operands[v->operands - 1 - depth];
    }
    return block->unreachable ? VALUE_ANY : VALUE_NONE;
}

/* Whether the operand at this depth suits; else it refuses. */
static bool expect_at(struct validator *v, uint32_t depth, uint8_t wanted) {
    const uint8_t found = operand_at(v, depth);
    if (found == VALUE_NONE || (found != wanted && found != VALUE_ANY && wanted != VALUE_ANY)) {
        refuse_operand(v, wanted, found);
        return false;
    }
    return true;
}

uint8_t pop_operand(struct validator *v, uint8_t wanted) {
    const uint8_t found = operand_at(v, 0);
    if (expect_at(v, 0, wanted) && v->operands > innermost_block(v)->height) {
        v->operands--;
    }
    return found;
}

void push_operands(struct validator *v, struct value_types types) {
    if (!validator_limit(v, v->operands + types.count, WASM_OPERANDS_MAX, " operands")) {
        return;
    }
    uint8_t *top = v->scratch->operands + v->operands;
    for (uint32_t i = 0; i < types.count; i++) {
        top[i] = value_type_of(types.bytes[i]);
    }
    v->operands += types.count;
    if (v->operands > v->facts->operands_max) {
        v->facts->operands_max = v->operands;
    }
}

/* Most are these very types, so that nothing needs to be said of each. */
static bool are_on_top(struct validator *v, struct value_types types) {
    if (v->operands - innermost_block(v)->height < types.count) {
        return false;
    }
    const uint8_t *first = v->scratch->operands + v->operands - types.count;
    for (uint32_t i = 0; i < types.count; i++) {
        if (first[i] != value_type_of(types.bytes[i])) {
            return false;
        }
    }
    return true;
}

bool expect_operands(struct validator *v, struct value_types types) {
    if (are_on_top(v, types)) {
        return true;
    }
    const struct validate_block *block = innermost_block(v);
    const uint32_t there = v->operands - block->height;
    for (uint32_t depth = 0; depth < types.count; depth++) {
        if (depth >= there && block->unreachable) {
            return true; /* whatever is beneath */
        }
        if (!expect_at(v, depth, value_type_of(types.bytes[types.count - 1 - depth]))) {
            return false;
        }
    }
    return true;
}

void pop_operands(struct validator *v, struct value_types types) {
    if (expect_operands(v, types)) {
        const uint32_t there = v->operands - innermost_block(v)->height;
        v->operands -= types.count < there ? types.count : there;
    }
}
