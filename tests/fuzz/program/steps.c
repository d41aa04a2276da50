/* An instruction with its operands: the ones that stay in their block. */
#include "maker.h"

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

/* Whether an instruction shows the bits of the float on top. */
static bool shows_bits(uint32_t opcode) {
    return opcode == 0x38 || opcode == 0x39 || opcode == 0xbc || opcode == 0xbd || opcode == 0x98 ||
           opcode == 0xa6;
}

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
    maker.count -= count;
}

static void put_pages(uint32_t opcode) {
    const bool in_bytes = maker.kind == PROGRAM_IN_BYTES;
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

void step_row(void) {
    const struct row *row = &rows[fuzz_u8(maker.choices) % ROWS];
    if (may_trap(row->opcode) && choose(6) != 0) {
        row = &rows[fuzz_u8(maker.choices) % ROWS];
    }
    if (row->memory == 4 || (row->opcode == MEMORY_GROW && !maker.grows)) {
        produce(row->result);
        return;
    }
    want_operands(row);
    if (maker.kind != PROGRAM_WILD && shows_bits(row->opcode)) {
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

void step_select(void) {
    static const uint8_t any[] = {I32, I64, F32, F64};
    const bool take_top = maker.count > height() && choose(2);
    const uint8_t type = take_top ? maker.stack[maker.count - 1] : any[choose(4)];
    const uint8_t operands[] = {type, type, I32};
    want(operands, 3);
    put(SELECT);
    maker.count -= 2;
}

void step_tee(void) {
    uint32_t index;
    if (maker.count > height() && find_local(maker.stack[maker.count - 1], &index)) {
        put(LOCAL_TEE);
        put_unsigned(index);
    }
}

static void call_with(const struct function_type *type) {
    maker.count -= type->parameter_count;
    for (uint32_t i = 0; i < type->result_count; i++) {
        push(type->results[i]);
    }
}

void step_call(void) {
    const uint32_t index = choose(FIRST_FUNCTION + maker.out->functions);
    const struct function_type *type = &maker.types[maker.type_of[index]];
    want(type->parameters, type->parameter_count);
    put(CALL);
    put_unsigned(index);
    call_with(type);
}

/* Most find what they look for: an entry of this type. */
void step_call_indirect(void) {
    const uint32_t entry = choose(TABLE_SIZE);
    const bool fits = entry < maker.table_count && choose(16) != 0;
    const uint32_t index = fits ? maker.type_of[maker.table[entry]] : choose(maker.type_count + 1u);
    const struct function_type *type = &maker.types[index];
    want(type->parameters, type->parameter_count);
    if (fits && choose(2)) {
        put_constant(I32, entry);
    } else {
        produce(I32);
        maker.count--;
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
