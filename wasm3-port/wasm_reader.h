/* Bounded reading of the Wasm binary format (core specification, chapter 5). A read past the end, or
 * a number whose encoding is longer than its type allows or sets bits beyond it, sets `bad`, and
 * everything after it reads as zero: callers look at `bad` once per item. */
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

/* Section ids (section 5.5.2) and kinds of imports and exports (5.5.5). */
enum {
    SECTION_CUSTOM,
    SECTION_TYPE,
    SECTION_IMPORT,
    SECTION_FUNCTION,
    SECTION_TABLE,
    SECTION_MEMORY,
    SECTION_GLOBAL,
    SECTION_EXPORT,
    SECTION_START,
    SECTION_ELEMENT,
    SECTION_CODE,
    SECTION_DATA,
    SECTION_DATA_COUNT,
    SECTION_COUNT
};
enum { KIND_FUNCTION, KIND_TABLE, KIND_MEMORY, KIND_GLOBAL };

#define WASM_HEADER_BYTES 8u

#define LIMITS_HAS_MAX 0x01u
#define LIMITS_PAGE_SIZE 0x08u /* custom-page-sizes proposal: log2 of the page size follows */

static inline struct wasm_reader wasm_reader_over(const uint8_t *bytes, size_t len) {
    return (struct wasm_reader){.at = bytes, .end = bytes + len};
}

static inline size_t wasm_left(const struct wasm_reader *reader) {
    return (size_t)(reader->end - reader->at);
}

uint8_t wasm_byte(struct wasm_reader *reader);
uint8_t wasm_peek(const struct wasm_reader *reader); /* the next byte, which stays; 0 at the end */
uint32_t wasm_u32(struct wasm_reader *reader);       /* LEB128, section 5.2.2 */
int32_t wasm_s32(struct wasm_reader *reader);
int64_t wasm_s33(struct wasm_reader *reader); /* of a block type */
int64_t wasm_s64(struct wasm_reader *reader);
void wasm_skip(struct wasm_reader *reader, size_t len);
struct wasm_name wasm_name(struct wasm_reader *reader); /* section 5.2.4, of any bytes */
bool wasm_name_is(struct wasm_name name, const char *text);

/* The next `len` bytes as a reader of their own; this one goes on behind them. */
struct wasm_reader wasm_part(struct wasm_reader *reader, size_t len);

/* A number of so many bytes, at most 8, the lowest first. */
uint64_t wasm_fixed(struct wasm_reader *reader, unsigned bytes);

/* A constant expression (section 3.3.10) of one const instruction and end: its bits, of which an i32 or
 * an f32 has the low 32. Only these exist without imported globals, which the host API has none of. */
uint64_t wasm_constant(struct wasm_reader *reader);

#endif
