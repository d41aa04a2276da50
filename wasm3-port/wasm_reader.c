#include "wasm_reader.h"

#include <string.h>

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

/* LEB128 of at most `bits` bits, signed or not: only its low 32 bits are of interest. */
static uint32_t leb(struct wasm_reader *reader, unsigned bits, bool is_signed) {
    uint32_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        const uint8_t byte = wasm_byte(reader);
        if (shift < 32) {
            value |= (uint32_t)(byte & 0x7f) << shift;
        }
        if ((byte & 0x80) == 0) {
            if (is_signed && (byte & 0x40) != 0 && shift + 7 < 32) {
                value |= UINT32_MAX << (shift + 7);
            }
            if (!is_signed && shift == 28 && byte > 0x0f) {
                fail(reader);
            }
            return reader->bad ? 0 : value;
        }
    }
    fail(reader);
    return 0;
}

uint32_t wasm_u32(struct wasm_reader *reader) {
    return leb(reader, 32, false);
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

uint32_t wasm_constant(struct wasm_reader *reader, uint8_t value_type) {
    uint32_t value = 0;
    switch (wasm_byte(reader)) {
    case 0x41: /* i32.const */
        value = leb(reader, 32, true);
        reader->bad |= value_type != WASM_I32;
        break;
    case 0x42: /* i64.const */
        (void)leb(reader, 64, true);
        reader->bad |= value_type != WASM_I64;
        break;
    case 0x43: /* f32.const */
        wasm_skip(reader, 4);
        reader->bad |= value_type != WASM_F32;
        break;
    case 0x44: /* f64.const */
        wasm_skip(reader, 8);
        reader->bad |= value_type != WASM_F64;
        break;
    default:
        fail(reader);
    }
    if (wasm_byte(reader) != 0x0b) { /* end */
        fail(reader);
    }
    return value;
}
