/* CBOR (RFC 8949) for fixed buffers: an encoder that cannot overrun and a pull decoder that
 * cannot be led out of its buffer. Definite lengths only; maps with small integer keys; depth is
 * the caller's. Both carry a sticky error: check once at the end. */
#ifndef WASMOTE_CBOR_H
#define WASMOTE_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- encoder ---------------------------------------------------------------------------- */

struct cbor_out {
    uint8_t *bytes;
    size_t cap;
    size_t len;    /* bytes written so far */
    bool overflow; /* set when something did not fit; nothing is written from then on */
};

void cbor_out_init(struct cbor_out *out, uint8_t *bytes, size_t cap);
void cbor_put_uint(struct cbor_out *out, uint64_t value);
void cbor_put_int(struct cbor_out *out, int64_t value);
void cbor_put_bytes(struct cbor_out *out, const void *bytes, size_t len);
void cbor_put_bytes_head(struct cbor_out *out,
                         size_t len); /* the bytes themselves follow by other ways */
void cbor_put_text(struct cbor_out *out, const char *text); /* NUL-terminated */
void cbor_put_textn(struct cbor_out *out, const char *text, size_t len);
void cbor_put_array(struct cbor_out *out, size_t items);
void cbor_put_map(struct cbor_out *out, size_t pairs);
void cbor_put_tag(struct cbor_out *out, uint64_t tag);
void cbor_put_bool(struct cbor_out *out, bool value);
void cbor_put_null(struct cbor_out *out);
void cbor_put_float(struct cbor_out *out, float value);
void cbor_put_double(struct cbor_out *out, double value);
void cbor_put_raw(struct cbor_out *out, const void *bytes, size_t len); /* already encoded */

/* A typed array of little-endian IEEE 754 binary32 (RFC 8746, tag 85). */
#define CBOR_TAG_F32LE_ARRAY 85
void cbor_put_f32_array(struct cbor_out *out, const float *values, size_t count);

/* ---- decoder ---------------------------------------------------------------------------- */

enum cbor_major {
    CBOR_UINT = 0,
    CBOR_NINT,
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_TAG,
    CBOR_SIMPLE
};

struct cbor_in {
    const uint8_t *at;
    const uint8_t *end;
    bool error; /* malformed or of the wrong type; every later get returns 0 / NULL */
    bool cut;   /* with error: what there is of it is no fault yet, more bytes may complete it */
};

void cbor_in_init(struct cbor_in *in, const void *bytes, size_t len);
/* For what came from outside: it must be one item that cbor_skip() takes, with nothing behind it. */
void cbor_in_whole(struct cbor_in *in, const void *bytes, size_t len);
bool cbor_at_end(const struct cbor_in *in);
enum cbor_major cbor_peek(const struct cbor_in *in); /* CBOR_SIMPLE at the end or on error */

uint64_t cbor_get_uint(struct cbor_in *in);
uint32_t cbor_get_u32(struct cbor_in *in); /* a larger one is an error */
int64_t cbor_get_int(struct cbor_in *in);
const uint8_t *cbor_get_bytes(struct cbor_in *in, size_t *len); /* into the buffer, not copied */
uint64_t cbor_get_bytes_head(struct cbor_in *in); /* how many follow, though not all may be there yet */
const char *cbor_get_text(struct cbor_in *in, size_t *len); /* valid UTF-8, without a NUL behind */
size_t cbor_get_array(struct cbor_in *in);
size_t cbor_get_map(struct cbor_in *in);
uint64_t cbor_get_tag(struct cbor_in *in);
bool cbor_get_bool(struct cbor_in *in);
double cbor_get_number(struct cbor_in *in); /* an integer or a float of any width */
double cbor_get_finite(struct cbor_in *in); /* neither an infinity nor a NaN */

/* One item with all it holds, which must be well-formed: definite lengths, texts of UTF-8, maps whose
 * keys are integers and texts, none of them twice; arrays, maps and tags nest no deeper than this. */
#define CBOR_DEPTH_MAX 8
void cbor_skip(struct cbor_in *in);

/* Copies a text into a NUL-terminated buffer; one that does not fit is an error. */
void cbor_get_text_into(struct cbor_in *in, char *out, size_t cap);

#endif
