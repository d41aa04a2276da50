/* Values for instructions: where they come from, and where those go that nobody takes. */
#include "maker.h"

#include <string.h>

void push(uint8_t type) {
    if (type != NONE) {
        maker.stack[maker.count++] = type;
    }
}

uint32_t height(void) {
    return maker.frames[maker.depth - 1].height;
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
        value = (int64_t)((uint64_t)value << 8 | fuzz_u8(maker.choices));
    }
    return value;
}

static double a_number(void) {
    static const double some[] = {0.0, -0.0, 1.0,  -1.5,  0.5,   2.5,
                                  3e9, -3e9, 1e19, 1e-40, 1e300, 16777217.0};
    const uint32_t pick = choose(16);
    return pick < 12 ? some[pick] : (double)(int8_t)fuzz_u8(maker.choices) / 4;
}

uint64_t bits_of(uint8_t type) {
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

void put_constant(uint8_t type, uint64_t bits) {
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

bool find_local(uint8_t type, uint32_t *found) {
    for (uint32_t tries = maker.local_count, at = choose(maker.local_count + 1u); tries > 0;
         tries--, at++) {
        if (maker.locals[at % maker.local_count] == type) {
            *found = at % maker.local_count;
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

void produce(uint8_t type) {
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

void want(const uint8_t *types, uint32_t count) {
    const uint32_t there = maker.count - height();
    uint32_t match = count < there ? count : there;
    while (match > 0 && memcmp(maker.stack + maker.count - match, types, match) != 0) {
        match--;
    }
    for (uint32_t i = match; i < count; i++) {
        produce(types[i]);
    }
}

void put_canonical(uint8_t type) {
    const uint32_t spare = type == F32 ? maker.spare_f32 : maker.spare_f64;
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
        if (maker.kind != PROGRAM_WILD) {
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

void consume(void) {
    uint32_t index;
    const uint8_t type = maker.stack[maker.count - 1];
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
    maker.count--;
}

void want_exactly(const uint8_t *types, uint32_t count) {
    const uint32_t base = height();
    uint32_t match = 0;
    while (match < count && base + match < maker.count && maker.stack[base + match] == types[match]) {
        match++;
    }
    while (maker.count > base + match) {
        consume();
    }
    for (; match < count; match++) {
        produce(types[match]);
    }
}
