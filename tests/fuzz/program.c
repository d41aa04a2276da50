#include "program.h"

#include <string.h>

enum { I32 = 0x7f, I64 = 0x7e, F32 = 0x7d, F64 = 0x7c, NONE = 0 };
enum { BLOCK = 0x02, LOOP = 0x03, IF = 0x04, ELSE = 0x05, END = 0x0b, BR = 0x0c, BR_IF = 0x0d };
enum { BR_TABLE = 0x0e, RETURN = 0x0f, CALL = 0x10, CALL_INDIRECT = 0x11, DROP = 0x1a, SELECT = 0x1b };
enum { LOCAL_GET = 0x20, LOCAL_SET = 0x21, LOCAL_TEE = 0x22, GLOBAL_GET = 0x23, GLOBAL_SET = 0x24 };
enum { MEMORY_SIZE = 0x3f, MEMORY_GROW = 0x40, I32_CONST = 0x41, I64_CONST, F32_CONST, F64_CONST };

#define TYPES_MAX 6
#define OPERANDS_MAX 48
#define DEPTH_MAX 7
#define LOCALS_MAX 24
#define STEPS_MIN 40 /* of a function, if the input is long enough */
#define STEPS_MAX 160
#define TABLE_SIZE 8
#define COUNTERS 8
#define FUEL 30 /* calls and turns of loops until a comparable program traps */
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

/* ---- the module while it is written ------------------------------------------------------- */

static struct maker {
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
} m;

static uint32_t choose(uint32_t below) {
    return fuzz_u8(m.choices) % below;
}

static void put(uint32_t byte) {
    if (m.out->len < PROGRAM_BYTES) {
        m.out->wasm[m.out->len++] = (uint8_t)byte;
    }
}

static void put_bytes(const void *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        put(((const uint8_t *)bytes)[i]);
    }
}

static void put_unsigned(uint32_t value) {
    for (; value >= 0x80; value >>= 7) {
        put((value & 0x7f) | 0x80);
    }
    put(value);
}

static void put_signed(int64_t value) {
    while (value < -64 || value > 63) {
        put((uint32_t)(value & 0x7f) | 0x80);
        value >>= 7;
    }
    put((uint32_t)(value & 0x7f));
}

/* A length as LEB128 of always three bytes, so that it may be written before it is known. */
static uint32_t begin_length(void) {
    put_bytes("\0\0\0", 3);
    return m.out->len;
}

static void end_length(uint32_t start) {
    const uint32_t len = m.out->len - start;
    uint8_t *at = m.out->wasm + start - 3;
    at[0] = (uint8_t)(len | 0x80);
    at[1] = (uint8_t)(len >> 7 | 0x80);
    at[2] = (uint8_t)(len >> 14 & 0x7f);
}

static uint32_t begin_section(uint8_t id) {
    put(id);
    return begin_length();
}

/* ---- instructions with operands and a result that are always the same --------------------- */

struct row {
    uint32_t opcode;
    uint8_t memory, operands[3], result, access_log2;
};

#define VALUE(type) type
#define MEMORY_OF_NONE 0
#define MEMORY_OF_MEMARG 1
#define MEMORY_OF_MEMORY 2
#define MEMORY_OF_MEMORY_MEMORY 3
#define MEMORY_OF_I32 4
#define MEMORY_OF_I64 4
#define MEMORY_OF_F32 4
#define MEMORY_OF_F64 4
static const struct row rows[] = {
#define INSTRUCTION(code, word, name, immediates, first, second, third, type, log2)                     \
    {code, MEMORY_OF_##immediates, {first, second, third}, type, log2},
#define INSTRUCTION_VARIES(code, word, name, immediates)
#include "instructions.def"
};
#define ROWS (sizeof rows / sizeof rows[0])

static bool may_trap(uint32_t opcode) {
    return (opcode >= 0x6d && opcode <= 0x70) || (opcode >= 0x7f && opcode <= 0x82) ||
           (opcode >= 0xa8 && opcode <= 0xab) || (opcode >= 0xae && opcode <= 0xb1);
}

/* ---- operands ----------------------------------------------------------------------------- */

static void push(uint8_t type) {
    if (type != NONE) {
        m.stack[m.count++] = type;
    }
}

static uint32_t height(void) {
    return m.frames[m.depth - 1].height;
}

static int64_t an_integer(void) {
    static const int64_t edges[] = {
        0,         1,          -1, 2,           31,        32,        63,         64,  127,    INT32_MAX,
        INT32_MIN, UINT32_MAX, -7, 0x100000000, INT64_MAX, INT64_MIN, 0x80000000, 255, 0xffff, 3};
    const uint32_t pick = choose(32);
    if (pick < sizeof edges / sizeof edges[0]) {
        return edges[pick];
    }
    int64_t value = 0;
    for (int left = pick & 1 ? 8 : 2; left > 0; left--) {
        value = (int64_t)((uint64_t)value << 8 | fuzz_u8(m.choices));
    }
    return value;
}

static double a_number(void) {
    static const double some[] = {0.0, -0.0, 1.0,  -1.5,  0.5,   2.5,
                                  3e9, -3e9, 1e19, 1e-40, 1e300, 16777217.0};
    const uint32_t pick = choose(16);
    return pick < 12 ? some[pick] : (double)(int8_t)fuzz_u8(m.choices) / 4;
}

static uint64_t bits_of(uint8_t type) {
    if (type == F64) {
        const double number = a_number();
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        return bits;
    }
    if (type == F32) {
        const double number = a_number();
        const float narrow = (float)(number > 1e38 ? 1e38 : number);
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        return bits;
    }
    const int64_t value = an_integer();
    return type == I32 ? (uint32_t)value : (uint64_t)value;
}

static void put_constant(uint8_t type, uint64_t bits) {
    put((uint32_t)(I32_CONST + (I32 - type)));
    if (type == I32) {
        put_signed((int32_t)(uint32_t)bits);
    } else if (type == I64) {
        put_signed((int64_t)bits);
    } else {
        for (unsigned i = 0; i < (type == F32 ? 4u : 8u); i++) {
            put((uint32_t)(bits >> (8 * i)) & 0xff);
        }
    }
}

/* One of the locals that bodies may use, of this type; false: there is none. */
static bool find_local(uint8_t type, uint32_t *found) {
    for (uint32_t tries = m.local_count, at = choose(m.local_count + 1u); tries > 0; tries--, at++) {
        if (m.locals[at % m.local_count] == type) {
            *found = at % m.local_count;
            return true;
        }
    }
    return false;
}

static uint32_t find_global(uint8_t type, bool settable) {
    for (uint32_t at = settable || choose(2) == 0 ? 1 : SETTABLE; at < GLOBALS; at++) {
        if (global_types[at] == type) {
            return at;
        }
    }
    return 0;
}

static void produce(uint8_t type) {
    uint32_t index;
    const uint32_t way = choose(8);
    if (way < 4 && find_local(type, &index)) {
        put(LOCAL_GET);
        put_unsigned(index);
    } else if (way == 4) {
        put(GLOBAL_GET);
        put_unsigned(find_global(type, false));
    } else {
        put_constant(type, bits_of(type));
    }
    push(type);
}

/* Brings about that these types are on top; what is there already is taken. */
static void want(const uint8_t *types, uint32_t count) {
    const uint32_t there = m.count - height();
    uint32_t match = count < there ? count : there;
    while (match > 0 && memcmp(m.stack + m.count - match, types, match) != 0) {
        match--;
    }
    for (uint32_t i = match; i < count; i++) {
        produce(types[i]);
    }
}

/* The NaN on top, if it is one, becomes the one NaN that every engine has. */
static void put_canonical(uint8_t type) {
    const uint32_t spare = type == F32 ? m.spare_f32 : m.spare_f64;
    put(LOCAL_TEE);
    put_unsigned(spare);
    put_constant(type, type == F32 ? 0x7fc00000 : 0x7ff8000000000000);
    put(LOCAL_GET);
    put_unsigned(spare);
    put(LOCAL_GET);
    put_unsigned(spare);
    put(type == F32 ? 0x5b : 0x61); /* eq */
    put(SELECT);
}

/* Into a global, so that in the end it can be told what the value was: global = rotl(global, 5) ^ value.
 */
static void mix(uint8_t type) {
    const bool wide = type == I64 || type == F64;
    if (type == F32 || type == F64) {
        if (m.kind != PROGRAM_WILD) {
            put_canonical(type);
        }
        put(wide ? 0xbd : 0xbc); /* reinterpret */
    }
    const uint32_t global = wide ? 2 : 1;
    put(GLOBAL_GET);
    put(global);
    put_constant(wide ? I64 : I32, 5);
    put(wide ? 0x89 : 0x77); /* rotl */
    put(wide ? 0x85 : 0x73); /* xor */
    put(GLOBAL_SET);
    put(global);
}

static void consume(void) {
    uint32_t index;
    const uint8_t type = m.stack[m.count - 1];
    const uint32_t way = choose(8);
    if (way < 3 && find_local(type, &index)) {
        put(LOCAL_SET);
        put_unsigned(index);
    } else if (way == 3 && (type == F32 || type == F64)) {
        put(GLOBAL_SET);
        put_unsigned(find_global(type, true));
    } else if (way == 4) {
        put(DROP);
    } else {
        mix(type);
    }
    m.count--;
}

/* Exactly these types above the block's height. */
static void want_exactly(const uint8_t *types, uint32_t count) {
    const uint32_t base = height();
    uint32_t match = 0;
    while (match < count && base + match < m.count && m.stack[base + match] == types[match]) {
        match++;
    }
    while (m.count > base + match) {
        consume();
    }
    for (; match < count; match++) {
        produce(types[match]);
    }
}

/* Whether an instruction shows the bits of the float on top. */
static bool shows_bits(uint32_t opcode) {
    return opcode == 0x38 || opcode == 0x39 || opcode == 0xbc || opcode == 0xbd || opcode == 0x98 ||
           opcode == 0xa6;
}

/* ---- steps -------------------------------------------------------------------------------- */

static void put_opcode(uint32_t opcode) {
    if (opcode > 0xff) {
        put(opcode >> 8);
    }
    put_unsigned(opcode & 0xff);
}

/* Most addresses lie within the memory. */
static void put_access(const struct row *row) {
    const uint32_t way = choose(64);
    put_unsigned(choose(row->access_log2 + 1u));
    put_unsigned(way == 0 ? 16384 - choose(16) : way == 1 ? 0xffffffff - choose(4) : choose(64));
}

static void put_safe_address(void) {
    uint32_t index;
    if (choose(4) != 0) {
        put_constant(I32, choose(256) * (choose(2) ? 1 : 64));
    } else if (find_local(I32, &index)) {
        put(LOCAL_GET);
        put_unsigned(index);
        put_constant(I32, 0x3f3f);
        put(0x71); /* and */
    } else {
        put_constant(I32, 0);
    }
    push(I32);
}

static bool is_bulk(const struct row *row) {
    return row->opcode == 0xfc0a || row->opcode == 0xfc0b;
}

static void want_operands(const struct row *row) {
    uint32_t count = 0;
    while (count < 3 && row->operands[count] != NONE) {
        count++;
    }
    if ((row->memory == 1 || is_bulk(row)) && choose(48) != 0) {
        put_safe_address();
        for (uint32_t i = 1; i < count; i++) {
            if (is_bulk(row)) {
                put_safe_address();
            } else {
                produce(row->operands[i]);
            }
        }
    } else {
        want(row->operands, count);
    }
    m.count -= count;
}

static void put_pages(uint32_t opcode) {
    const bool in_bytes = m.kind == PROGRAM_IN_BYTES;
    if (opcode == MEMORY_GROW) {
        put_constant(I32, PAGES_MAX);
        put(0x71); /* and */
        if (in_bytes) {
            put_constant(I32, 14);
            put(0x74); /* shl */
        }
    }
    put(opcode);
    put(0);
    if (in_bytes) {
        put_constant(I32, 14);
        put(0x75); /* shr_s */
    }
}

static void step_row(void) {
    const struct row *row = &rows[fuzz_u8(m.choices) % ROWS];
    if (may_trap(row->opcode) && choose(6) != 0) {
        row = &rows[fuzz_u8(m.choices) % ROWS];
    }
    if (row->memory == 4 || (row->opcode == MEMORY_GROW && !m.grows)) {
        produce(row->result);
        return;
    }
    want_operands(row);
    if (m.kind != PROGRAM_WILD && shows_bits(row->opcode)) {
        put_canonical(row->opcode == 0x39 || row->opcode == 0xbd || row->opcode == 0xa6 ? F64 : F32);
    }
    if (row->memory == 2 && !is_bulk(row)) {
        put_pages(row->opcode);
    } else {
        put_opcode(row->opcode);
        if (row->memory == 1) {
            put_access(row);
        } else if (row->opcode == 0xfc0a) {
            put_bytes("\0\0", 2);
        } else if (row->opcode == 0xfc0b) {
            put(0);
        }
    }
    push(row->result);
}

static void step_select(void) {
    static const uint8_t any[] = {I32, I64, F32, F64};
    const bool take_top = m.count > height() && choose(2);
    const uint8_t type = take_top ? m.stack[m.count - 1] : any[choose(4)];
    const uint8_t operands[] = {type, type, I32};
    want(operands, 3);
    put(SELECT);
    m.count -= 2;
}

static void step_tee(void) {
    uint32_t index;
    if (m.count > height() && find_local(m.stack[m.count - 1], &index)) {
        put(LOCAL_TEE);
        put_unsigned(index);
    }
}

/* ---- blocks ------------------------------------------------------------------------------- */

static void burn(void) {
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
        frame->type_index = (uint8_t)choose(m.type_count);
        const struct function_type *type = &m.types[frame->type_index];
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
    frame->counter = (uint8_t)(m.local_count + m.counters++);
    put_constant(I32, 1 + choose(3));
    put(LOCAL_SET);
    put_unsigned(frame->counter);
}

static void step_block(void) {
    static const uint8_t opcodes[] = {BLOCK, LOOP, IF, LOOP, IF};
    struct frame frame = {.opcode = opcodes[choose(sizeof opcodes)]};
    if (m.depth == DEPTH_MAX) {
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
        m.count--;
    }
    if (frame.opcode == LOOP && m.counters < COUNTERS && choose(2)) {
        begin_count(&frame);
    }
    put_block(&frame);
    frame.height = m.count - frame.parameter_count;
    struct frame *open = &m.frames[m.depth++];
    *open = frame;
    open->results = frame.single != NONE ? &open->single : frame.results;
    if (frame.opcode == LOOP && !frame.counted && m.kind != PROGRAM_WILD) {
        burn();
    }
}

static struct frame *label(uint32_t depth) {
    return &m.frames[m.depth - 1 - depth];
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
    m.count = height();
    m.frames[m.depth - 1].dead = true;
}

static void step_branch(void) {
    static const uint8_t condition = I32;
    const uint32_t depth = choose(m.depth);
    uint32_t count;
    const uint8_t *types = label_types(label(depth), &count);
    if (!may_branch(depth)) {
        return;
    }
    if (count == 0 && choose(4) != 0) {
        want(&condition, 1);
        m.count--;
        put(BR_IF);
        put_unsigned(depth);
        return;
    }
    want(types, count);
    if (choose(12) != 0) {
        produce(I32);
        m.count--;
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

static void step_br_table(void) {
    const uint32_t depth = choose(m.depth), labels = choose(5);
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
        const uint32_t other = choose(m.depth);
        put_unsigned(same_label(depth, other) ? other : depth);
    }
    put_unsigned(depth);
    now_dead();
}

static void step_return(void) {
    const struct frame *function = &m.frames[0];
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
    if (!frame->dead || m.count > frame->height || choose(2)) {
        want_exactly(frame->results, frame->result_count);
    }
}

static void put_else(struct frame *frame) {
    want_results(frame);
    put(ELSE);
    frame->opcode = ELSE;
    frame->dead = false;
    m.count = frame->height;
    for (uint32_t i = 0; i < frame->parameter_count; i++) {
        push(frame->parameters[i]);
    }
}

static bool same_types(const struct frame *frame) {
    return frame->parameter_count == frame->result_count &&
           (frame->result_count == 0 ||
            memcmp(frame->parameters, frame->results, frame->result_count) == 0);
}

static void step_end(void) {
    struct frame *frame = &m.frames[m.depth - 1];
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
    m.count = closed.height;
    m.depth--;
    for (uint32_t i = 0; i < closed.result_count; i++) {
        push(closed.single != NONE ? closed.single : closed.results[i]);
    }
}

/* ---- calls -------------------------------------------------------------------------------- */

static void call_with(const struct function_type *type) {
    m.count -= type->parameter_count;
    for (uint32_t i = 0; i < type->result_count; i++) {
        push(type->results[i]);
    }
}

static void step_call(void) {
    const uint32_t index = choose(FIRST_FUNCTION + m.out->functions);
    const struct function_type *type = &m.types[m.type_of[index]];
    want(type->parameters, type->parameter_count);
    put(CALL);
    put_unsigned(index);
    call_with(type);
}

/* Most find what they look for: an entry of this type. */
static void step_call_indirect(void) {
    const uint32_t entry = choose(TABLE_SIZE);
    const bool fits = entry < m.table_count && choose(16) != 0;
    const uint32_t index = fits ? m.type_of[m.table[entry]] : choose(m.type_count + 1u);
    const struct function_type *type = &m.types[index];
    want(type->parameters, type->parameter_count);
    if (fits && choose(2)) {
        put_constant(I32, entry);
    } else {
        produce(I32);
        m.count--;
        put_constant(I32, fits ? 0 : TABLE_SIZE);
        put(0x71); /* and */
        put_constant(I32, entry);
        put(0x72); /* or */
    }
    put(CALL_INDIRECT);
    put_unsigned(index);
    put(0);
    call_with(type);
}

/* ---- a function --------------------------------------------------------------------------- */

/* Kind 0 is what an input reads as behind its end. A body does not end early by chance. */
static void step(uint32_t steps) {
    const bool may_end = m.depth > 1 || steps >= STEPS_MIN || fuzz_left(m.choices) == 0;
    const uint32_t kind = choose(32);
    const bool dead = m.frames[m.depth - 1].dead;
    if ((kind < (dead ? 16 : 2) && may_end) || m.count + 12 > OPERANDS_MAX) {
        step_end();
    } else if (kind < 6) {
        static const uint8_t any[] = {I32, I64, F32, F64};
        produce(any[choose(4)]);
    } else if (kind < 9) {
        if (m.count > height()) {
            consume();
        }
    } else if (kind < 12) {
        step_tee();
    } else if (kind < 21) {
        step_row();
    } else if (kind < 23) {
        step_select();
    } else if (kind < 26) {
        step_block();
    } else if (kind < 28) {
        step_branch();
    } else if (kind == 28) {
        if (m.depth > 2) {
            step_br_table();
        }
    } else if (kind == 29) {
        step_call();
    } else if (kind == 30) {
        step_call_indirect();
    } else if (choose(8) == 0) {
        step_return();
    }
}

/* Locals for bodies, then a counter for each counted loop, then one for each type of float. */
static void put_locals(const struct function_type *type) {
    const uint32_t own = choose(8);
    m.local_count = type->parameter_count;
    memcpy(m.locals, type->parameters, type->parameter_count);
    put_unsigned(own + 3);
    for (uint32_t i = 0; i < own; i++) {
        static const uint8_t any[] = {I32, I64, F32, F64};
        m.locals[m.local_count++] = any[choose(4)];
        put(1);
        put(m.locals[m.local_count - 1]);
    }
    put_bytes((const uint8_t[]){COUNTERS, I32, 1, F32, 1, F64}, 6);
    m.counters = 0;
    m.spare_f32 = (uint8_t)(m.local_count + COUNTERS);
    m.spare_f64 = (uint8_t)(m.local_count + COUNTERS + 1);
}

static void put_function(const struct function_type *type) {
    const uint32_t start = begin_length();
    put_locals(type);
    m.count = 0;
    m.depth = 1;
    m.frames[0] =
        (struct frame){.opcode = BLOCK, .results = type->results, .result_count = type->result_count};
    if (m.kind != PROGRAM_WILD) {
        burn();
    }
    for (uint32_t steps = 0; m.depth > 0; steps++) {
        const bool room = m.out->len - start < 3000 && steps < STEPS_MAX;
        if (!room) {
            step_end();
        } else {
            step(steps);
        }
    }
    end_length(start);
}

/* ---- sections ----------------------------------------------------------------------------- */

static void choose_types(void) {
    static const uint8_t any[] = {I32, I64, F32, F64};
    m.type_count = (uint8_t)(1 + choose(TYPES_MAX));
    for (uint32_t i = 0; i < m.type_count; i++) {
        struct function_type *type = &m.types[i];
        *type = (struct function_type){.parameter_count = (uint8_t)choose(PROGRAM_PARAMETERS + 1),
                                       .result_count = (uint8_t)choose(4)};
        for (uint32_t j = 0; j < type->parameter_count; j++) {
            type->parameters[j] = any[choose(4)];
        }
        for (uint32_t j = 0; j < type->result_count; j++) {
            type->results[j] = any[choose(4)];
        }
    }
    m.types[m.type_count] = (struct function_type){{I32, I64}, {I64}, 2, 1};
    m.types[m.type_count + 1] = (struct function_type){{0}, {0}, 0, 0};
    m.types[m.type_count + 2] = (struct function_type){{0}, {I64}, 0, 1};
}

static void put_types(void) {
    const uint32_t start = begin_section(1);
    put_unsigned(m.type_count + 3u);
    for (uint32_t i = 0; i < m.type_count + 3u; i++) {
        const struct function_type *type = &m.types[i];
        put(0x60);
        put_unsigned(type->parameter_count);
        put_bytes(type->parameters, type->parameter_count);
        put_unsigned(type->result_count);
        put_bytes(type->results, type->result_count);
    }
    end_length(start);
}

static void choose_functions(void) {
    m.out->functions = 1 + choose(PROGRAM_FUNCTIONS);
    m.type_of[0] = m.type_count;
    for (uint32_t i = 0; i < m.out->functions; i++) {
        const uint32_t index = choose(m.type_count);
        m.type_of[FIRST_FUNCTION + i] = (uint8_t)index;
        m.out->parameters[i] = m.types[index].parameter_count;
        for (uint32_t j = 0; j < m.types[index].parameter_count; j++) {
            m.out->arguments[i][j] = bits_of(m.types[index].parameters[j]);
        }
    }
    m.type_of[FIRST_FUNCTION + m.out->functions] = (uint8_t)(m.type_count + 1);
    m.type_of[FIRST_FUNCTION + m.out->functions + 1] = (uint8_t)(m.type_count + 2);
}

static void put_functions(void) {
    const uint8_t import[] = {1, 1, 'h', 1, 'h', 0, m.type_count};
    uint32_t start = begin_section(2);
    put_bytes(import, sizeof import);
    end_length(start);
    start = begin_section(3);
    put_unsigned(m.out->functions + 2);
    put_bytes(m.type_of + FIRST_FUNCTION, m.out->functions + 2);
    end_length(start);
}

static void put_table_and_memory(void) {
    const uint32_t maximum = 1 + choose(PAGES_MAX), in_bytes = m.kind == PROGRAM_IN_BYTES;
    uint32_t start = begin_section(4);
    put_bytes((const uint8_t[]){1, 0x70, 0, TABLE_SIZE}, 4);
    end_length(start);
    start = begin_section(5);
    put(1);
    put(0x09);
    put_unsigned(in_bytes ? 16384 : 1);
    put_unsigned(in_bytes ? maximum * 16384 : maximum);
    put(in_bytes ? 0 : 14);
    end_length(start);
    m.grows = maximum > 1;
}

static void put_globals(void) {
    const uint32_t start = begin_section(6);
    put_unsigned(GLOBALS);
    for (uint32_t i = 0; i < GLOBALS; i++) {
        put(global_types[i]);
        put(i < SETTABLE);
        put_constant(global_types[i], bits_of(global_types[i]));
        put(END);
    }
    end_length(start);
}

static void put_export(const char *name, uint32_t kind, uint32_t index) {
    put_unsigned((uint32_t)strlen(name));
    put_bytes(name, strlen(name));
    put(kind);
    put_unsigned(index);
}

static void put_exports(void) {
    const uint32_t start = begin_section(7);
    put_unsigned(m.out->functions + 2 + SETTABLE - 1);
    for (uint32_t i = 0; i < m.out->functions; i++) {
        put_export((char[]){'f', (char)('0' + i), 0}, 0, FIRST_FUNCTION + i);
    }
    put_export("reset", 0, FIRST_FUNCTION + m.out->functions);
    put_export("memory_sum", 0, FIRST_FUNCTION + m.out->functions + 1);
    for (uint32_t i = 1; i < SETTABLE; i++) {
        put_export((char[]){'g', (char)('0' + i), 0}, 3, i);
    }
    end_length(start);
}

static void choose_elements(void) {
    m.table_count = (uint8_t)(choose(4) ? TABLE_SIZE : choose(TABLE_SIZE));
    for (uint32_t i = 0; i < m.table_count; i++) {
        m.table[i] = (uint8_t)choose(FIRST_FUNCTION + m.out->functions);
    }
}

static void put_elements(void) {
    const uint32_t start = begin_section(9);
    put_bytes((const uint8_t[]){1, 0, I32_CONST, 0, END}, 5);
    put_unsigned(m.table_count);
    put_bytes(m.table, m.table_count);
    end_length(start);
}

/* A sum of all words of the memory, each times what came before. */
static void put_memory_sum(void) {
    const uint32_t start = begin_length();
    static const uint8_t before[] = {2, 2, I32, 1, I64, LOOP, 0x40};
    static const uint8_t after[] = {LOCAL_GET,
                                    2,
                                    I64_CONST,
                                    33,
                                    0x7e /* mul */,
                                    LOCAL_GET,
                                    0,
                                    0x29 /* i64.load */,
                                    3,
                                    0,
                                    0x7c /* add */,
                                    LOCAL_SET,
                                    2,
                                    LOCAL_GET,
                                    0,
                                    I32_CONST,
                                    8,
                                    0x6a /* add */,
                                    LOCAL_TEE,
                                    0,
                                    LOCAL_GET,
                                    1,
                                    0x49 /* lt_u */,
                                    BR_IF,
                                    0,
                                    END,
                                    LOCAL_GET,
                                    2,
                                    END};
    put_bytes(before, 5);
    put(MEMORY_SIZE);
    put(0);
    if (m.kind != PROGRAM_IN_BYTES) {
        put_constant(I32, 14);
        put(0x74); /* shl */
    }
    put(LOCAL_SET);
    put(1);
    put_bytes(before + 5, 2);
    put_bytes(after, sizeof after);
    end_length(start);
}

static void put_code(void) {
    static const uint8_t reset[] = {6, 0, I32_CONST, FUEL, GLOBAL_SET, 0, END};
    const uint32_t start = begin_section(10);
    put_unsigned(m.out->functions + 2);
    for (uint32_t i = 0; i < m.out->functions; i++) {
        put_function(&m.types[m.type_of[FIRST_FUNCTION + i]]);
    }
    put_bytes(reset, sizeof reset);
    put_memory_sum();
    end_length(start);
}

static void put_data(void) {
    const uint32_t start = begin_section(11);
    put_bytes((const uint8_t[]){1, 0, I32_CONST, 16, END, 32}, 6);
    for (uint32_t i = 0; i < 32; i++) {
        put(fuzz_u8(m.choices));
    }
    end_length(start);
}

void program_make(struct fuzz_input *choices, enum program_kind kind, struct program *program) {
    *program = (struct program){.len = 0};
    m = (struct maker){.choices = choices, .out = program, .kind = kind};
    put_bytes("\0asm\1\0\0\0", 8);
    choose_types();
    choose_functions();
    choose_elements();
    put_types();
    put_functions();
    put_table_and_memory();
    put_globals();
    put_exports();
    put_elements();
    put_code();
    put_data();
}
