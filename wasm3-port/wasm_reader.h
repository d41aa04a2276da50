/* Bounded reading of the Wasm binary format (core specification, chapter 5). A read past the end,
 * or an encoding longer than its type allows, sets `bad`, and everything after it reads as zero:
 * callers look at `bad` once per item. */
#ifndef WASMOTE_WASM_READER_H
#define WASMOTE_WASM_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wasm_reader {
    const uint8_t *at, *end;
    bool bad;
};

struct wasm_name {
    const uint8_t *bytes;
    uint32_t len;
};

static inline struct wasm_reader wasm_reader_over(const uint8_t *bytes, size_t len) {
    return (struct wasm_reader){.at = bytes, .end = bytes + len};
}

static inline size_t wasm_left(const struct wasm_reader *reader) {
    return (size_t)(reader->end - reader->at);
}

uint8_t wasm_byte(struct wasm_reader *reader);
uint32_t wasm_u32(struct wasm_reader *reader); /* LEB128, section 5.2.2 */
void wasm_skip(struct wasm_reader *reader, size_t len);
struct wasm_name wasm_name(struct wasm_reader *reader); /* section 5.2.4 */
bool wasm_name_is(struct wasm_name name, const char *text);

/* The next `len` bytes as a reader of their own; this one goes on behind them. */
struct wasm_reader wasm_part(struct wasm_reader *reader, size_t len);

/* A constant expression (section 3.3.10) of one const instruction and end; its value when it is an
 * i32. Only these exist without imported globals, which the host API has none of. */
uint32_t wasm_constant(struct wasm_reader *reader, uint8_t value_type);

#define WASM_I32 0x7fu
#define WASM_I64 0x7eu
#define WASM_F32 0x7du
#define WASM_F64 0x7cu

#endif
