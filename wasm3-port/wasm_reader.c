#include "wasm_reader.h"

#include <string.h>

#include "instruction.h"

static void fail(struct wasm_reader *reader) {
    reader->bad = true;
    reader->at = reader->end;
}

uint8_t wasm_byte(struct wasm_reader *reader) {
    if (reader->at == reader->end) {
        fail(reader);
        return 0;
    }
    return *reader->at++;
}

uint8_t wasm_peek(const struct wasm_reader *reader) {
    return reader->at == reader->end ? 0 : *reader->at;
}

/* Whether the last group of a number, of which `used` bits (fewer than 7) belong to its type, is zero
 * beyond them, or for a negative signed number one. */
static bool unused_bits_are_right(uint8_t group, unsigned used, bool is_signed) {
    const uint8_t beyond = (uint8_t)(0x7fu & ~0u << (is_signed ? used - 1 : used));
    return (group & beyond) == 0 || (is_signed && (group & beyond) == beyond);
}

/* LEB128 of at most `bits` bits, signed or not. */
static uint64_t leb(struct wasm_reader *reader, unsigned bits, bool is_signed) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        const uint8_t byte = wasm_byte(reader), group = byte & 0x7f;
        value |= (uint64_t)group << shift;
        if (shift + 7 > bits && !unused_bits_are_right(group, bits - shift, is_signed)) {
            break;
        }
        if ((byte & 0x80) == 0) {
            if (is_signed && (group & 0x40) != 0 && shift + 7 < 64) {
                value |= UINT64_MAX << (shift + 7);
            }
            return reader->bad ? 0 : value;
        }
    }
    fail(reader);
    return 0;
}

uint32_t wasm_u32(struct wasm_reader *reader) {
    return (uint32_t)leb(reader, 32, false);
}

int32_t wasm_s32(struct wasm_reader *reader) {
    return (int32_t)leb(reader, 32, true);
}

int64_t wasm_s33(struct wasm_reader *reader) {
    return (int64_t)leb(reader, 33, true);
}

int64_t wasm_s64(struct wasm_reader *reader) {
    return (int64_t)leb(reader, 64, true);
}

void wasm_skip(struct wasm_reader *reader, size_t len) {
    if (len > wasm_left(reader)) {
        fail(reader);
    } else {
        reader->at += len;
    }
}

struct wasm_name wasm_name(struct wasm_reader *reader) {
    const uint32_t len = wasm_u32(reader);
    const struct wasm_name name = {.bytes = reader->at, .len = len};
    wasm_skip(reader, len);
    return reader->bad ? (struct wasm_name){.bytes = reader->end, .len = 0} : name;
}

bool wasm_name_is(struct wasm_name name, const char *text) {
    return name.len == strlen(text) && memcmp(name.bytes, text, name.len) == 0;
}

struct wasm_reader wasm_part(struct wasm_reader *reader, size_t len) {
    const uint8_t *start = reader->at;
    wasm_skip(reader, len);
    return reader->bad ? wasm_reader_over(reader->end, 0) : wasm_reader_over(start, len);
}

uint64_t wasm_fixed(struct wasm_reader *reader, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)wasm_byte(reader) << (8 * i);
    }
    return value;
}

static uint64_t constant(struct wasm_reader *reader) {
    switch (wasm_byte(reader)) {
    case OPCODE_I32_CONST:
        return (uint32_t)wasm_s32(reader);
    case OPCODE_I64_CONST:
        return (uint64_t)wasm_s64(reader);
    case OPCODE_F32_CONST:
        return wasm_fixed(reader, 4);
    case OPCODE_F64_CONST:
        return wasm_fixed(reader, 8);
    default:
        fail(reader);
        return 0;
    }
}

uint64_t wasm_constant(struct wasm_reader *reader) {
    const uint64_t bits = constant(reader);
    if (wasm_byte(reader) != OPCODE_END) {
        fail(reader);
    }
    return bits;
}
