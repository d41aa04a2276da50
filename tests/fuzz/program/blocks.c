/* Blocks, loops and conditions, and the branches that leave them. */
#include "maker.h"

#include <string.h>

void burn(void) {
    static const uint8_t code[] = {
        GLOBAL_GET, 0, 0x45 /* eqz */, IF, 0x40,           0 /* unreachable */, END,
        GLOBAL_GET, 0, I32_CONST,      1,  0x6b /* sub */, GLOBAL_SET,          0};
    put_bytes(code, sizeof code);
}

/* With no type, one result, or one of the types of functions. */
static void choose_block_type(struct frame *frame) {
    static const uint8_t any[] = {I32, I64, F32, F64};
    const uint32_t way = choose(6);
    if (way >= 4) {
        frame->type_index = (uint8_t)choose(maker.type_count);
        const struct function_type *type = &maker.types[frame->type_index];
        frame->has_type = true;
        frame->parameters = type->parameters;
        frame->parameter_count = type->parameter_count;
        frame->results = type->results;
        frame->result_count = type->result_count;
    } else if (way >= 2) {
        frame->single = any[choose(4)];
        frame->result_count = 1;
    }
}

static void put_block(const struct frame *frame) {
    put(frame->opcode);
    if (frame->has_type) {
        put_signed(frame->type_index);
    } else {
        put(frame->single != NONE ? frame->single : 0x40);
    }
}

static void begin_count(struct frame *frame) {
    frame->counted = true;
    frame->counter = (uint8_t)(maker.local_count + maker.counters++);
    put_constant(I32, 1 + choose(3));
    put(LOCAL_SET);
    put_unsigned(frame->counter);
}

void step_block(void) {
    static const uint8_t opcodes[] = {BLOCK, LOOP, IF, LOOP, IF};
    struct frame frame = {.opcode = opcodes[choose(sizeof opcodes)]};
    if (maker.depth == DEPTH_MAX) {
        return;
    }
    choose_block_type(&frame);
    want(frame.parameters, frame.parameter_count);
    if (frame.opcode == IF) {
        static const uint8_t condition = I32;
        if (frame.parameter_count == 0) {
            want(&condition, 1);
        } else {
            produce(I32);
        }
        maker.count--;
    }
    if (frame.opcode == LOOP && maker.counters < COUNTERS && choose(2)) {
        begin_count(&frame);
    }
    put_block(&frame);
    frame.height = maker.count - frame.parameter_count;
    struct frame *open = &maker.frames[maker.depth++];
    *open = frame;
    open->results = frame.single != NONE ? &open->single : frame.results;
    if (frame.opcode == LOOP && !frame.counted && maker.kind != PROGRAM_WILD) {
        burn();
    }
}

static struct frame *label(uint32_t depth) {
    return &maker.frames[maker.depth - 1 - depth];
}

static const uint8_t *label_types(const struct frame *frame, uint32_t *count) {
    *count = frame->opcode == LOOP ? frame->parameter_count : frame->result_count;
    return frame->opcode == LOOP ? frame->parameters : frame->results;
}

/* Not to a counted loop: its own branch is its only one. */
static bool may_branch(uint32_t depth) {
    return !label(depth)->counted;
}

static void now_dead(void) {
    maker.count = height();
    maker.frames[maker.depth - 1].dead = true;
}

void step_branch(void) {
    static const uint8_t condition = I32;
    const uint32_t depth = choose(maker.depth);
    uint32_t count;
    const uint8_t *types = label_types(label(depth), &count);
    if (!may_branch(depth)) {
        return;
    }
    if (count == 0 && choose(4) != 0) {
        want(&condition, 1);
        maker.count--;
        put(BR_IF);
        put_unsigned(depth);
        return;
    }
    want(types, count);
    if (choose(12) != 0) {
        produce(I32);
        maker.count--;
        put(BR_IF);
        put_unsigned(depth);
        return;
    }
    put(BR);
    put_unsigned(depth);
    now_dead();
}

static bool same_label(uint32_t one, uint32_t other) {
    uint32_t count, other_count;
    const uint8_t *types = label_types(label(one), &count);
    const uint8_t *other_types = label_types(label(other), &other_count);
    return may_branch(other) && count == other_count &&
           (count == 0 || memcmp(types, other_types, count) == 0);
}

void step_br_table(void) {
    const uint32_t depth = choose(maker.depth), labels = choose(5);
    uint32_t count;
    const uint8_t *types = label_types(label(depth), &count);
    if (!may_branch(depth)) {
        return;
    }
    want(types, count);
    produce(I32);
    put(BR_TABLE);
    put_unsigned(labels);
    for (uint32_t i = 0; i < labels; i++) {
        const uint32_t other = choose(maker.depth);
        put_unsigned(same_label(depth, other) ? other : depth);
    }
    put_unsigned(depth);
    now_dead();
}

void step_return(void) {
    const struct frame *function = &maker.frames[0];
    want(function->results, function->result_count);
    put(RETURN);
    now_dead();
}

static void put_back_edge(const struct frame *frame) {
    put(LOCAL_GET);
    put_unsigned(frame->counter);
    put_constant(I32, 1);
    put(0x6b); /* sub */
    put(LOCAL_TEE);
    put_unsigned(frame->counter);
    put(BR_IF);
    put_unsigned(0);
}

/* In dead code nothing need be on the stack. */
static void want_results(const struct frame *frame) {
    if (!frame->dead || maker.count > frame->height || choose(2)) {
        want_exactly(frame->results, frame->result_count);
    }
}

static void put_else(struct frame *frame) {
    want_results(frame);
    put(ELSE);
    frame->opcode = ELSE;
    frame->dead = false;
    maker.count = frame->height;
    for (uint32_t i = 0; i < frame->parameter_count; i++) {
        push(frame->parameters[i]);
    }
}

static bool same_types(const struct frame *frame) {
    return frame->parameter_count == frame->result_count &&
           (frame->result_count == 0 ||
            memcmp(frame->parameters, frame->results, frame->result_count) == 0);
}

void step_end(void) {
    struct frame *frame = &maker.frames[maker.depth - 1];
    if (frame->opcode == IF && (!same_types(frame) || choose(2))) {
        put_else(frame);
        return;
    }
    if (frame->counted && !frame->dead) {
        want_exactly(frame->parameters, frame->parameter_count);
        put_back_edge(frame);
    }
    want_results(frame);
    put(END);
    const struct frame closed = *frame;
    maker.count = closed.height;
    maker.depth--;
    for (uint32_t i = 0; i < closed.result_count; i++) {
        push(closed.single != NONE ? closed.single : closed.results[i]);
    }
}
