#include "core/cbor.h"

#include <math.h>
#include <string.h>

#include "core/bytes.h"
#include "core/utf8.h"

/* RFC 8949 section 3: the low five bits of the initial byte. */
enum { ARG_1 = 24, ARG_2 = 25, ARG_4 = 26, ARG_8 = 27 };
enum { SIMPLE_FALSE = 20, SIMPLE_TRUE = 21, SIMPLE_NULL = 22, SIMPLE_IN_TWO_BYTES = 32 };

/* ---- encoder ---------------------------------------------------------------------------- */

void cbor_out_init(struct cbor_out *out, uint8_t *bytes, size_t cap) {
    *out = (struct cbor_out){.bytes = bytes, .cap = cap};
}

void cbor_put_raw(struct cbor_out *out, const void *bytes, size_t len) {
    if (out->overflow || len > out->cap - out->len) {
        out->overflow = true;
        return;
    }
    if (len)
        memcpy(out->bytes + out->len, bytes, len);
    out->len += len;
}

static void put_head(struct cbor_out *out, enum cbor_major major, uint64_t argument) {
    uint8_t head[9];
    size_t len;
    uint8_t top = (uint8_t)(major << 5);
    if (argument < ARG_1) {
        head[0] = (uint8_t)(top | argument);
        len = 1;
    } else if (argument <= UINT8_MAX) {
        head[0] = top | ARG_1;
        head[1] = (uint8_t)argument;
        len = 2;
    } else if (argument <= UINT16_MAX) {
        head[0] = top | ARG_2;
        put_be16(head + 1, (uint16_t)argument);
        len = 3;
    } else if (argument <= UINT32_MAX) {
        head[0] = top | ARG_4;
        put_be32(head + 1, (uint32_t)argument);
        len = 5;
    } else {
        head[0] = top | ARG_8;
        put_be64(head + 1, argument);
        len = 9;
    }
    cbor_put_raw(out, head, len);
}

void cbor_put_uint(struct cbor_out *out, uint64_t value) {
    put_head(out, CBOR_UINT, value);
}

void cbor_put_int(struct cbor_out *out, int64_t value) {
    if (value < 0)
        put_head(out, CBOR_NINT, (uint64_t)(-1 - value));
    else
        put_head(out, CBOR_UINT, (uint64_t)value);
}

void cbor_put_bytes(struct cbor_out *out, const void *bytes, size_t len) {
    put_head(out, CBOR_BYTES, len);
    cbor_put_raw(out, bytes, len);
}

void cbor_put_bytes_head(struct cbor_out *out, size_t len) {
    put_head(out, CBOR_BYTES, len);
}

void cbor_put_textn(struct cbor_out *out, const char *text, size_t len) {
    put_head(out, CBOR_TEXT, len);
    cbor_put_raw(out, text, len);
}

void cbor_put_text(struct cbor_out *out, const char *text) {
    cbor_put_textn(out, text, strlen(text));
}

void cbor_put_array(struct cbor_out *out, size_t items) {
    put_head(out, CBOR_ARRAY, items);
}

void cbor_put_map(struct cbor_out *out, size_t pairs) {
    put_head(out, CBOR_MAP, pairs);
}

void cbor_put_tag(struct cbor_out *out, uint64_t tag) {
    put_head(out, CBOR_TAG, tag);
}

void cbor_put_bool(struct cbor_out *out, bool value) {
    put_head(out, CBOR_SIMPLE, value ? SIMPLE_TRUE : SIMPLE_FALSE);
}

void cbor_put_null(struct cbor_out *out) {
    put_head(out, CBOR_SIMPLE, SIMPLE_NULL);
}

void cbor_put_float(struct cbor_out *out, float value) {
    uint8_t item[5] = {CBOR_SIMPLE << 5 | ARG_4};
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_be32(item + 1, bits);
    cbor_put_raw(out, item, sizeof item);
}

void cbor_put_double(struct cbor_out *out, double value) {
    uint8_t item[9] = {CBOR_SIMPLE << 5 | ARG_8};
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_be64(item + 1, bits);
    cbor_put_raw(out, item, sizeof item);
}

void cbor_put_f32_array(struct cbor_out *out, const float *values, size_t count) {
    cbor_put_tag(out, CBOR_TAG_F32LE_ARRAY);
    put_head(out, CBOR_BYTES, count * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        uint8_t item[4];
        memcpy(&bits, &values[i], sizeof bits);
        put_le32(item, bits);
        cbor_put_raw(out, item, sizeof item);
    }
}

/* ---- decoder ---------------------------------------------------------------------------- */

void cbor_in_init(struct cbor_in *in, const void *bytes, size_t len) {
    in->at = bytes;
    in->end = len > 0 ? in->at + len : in->at; /* C11 6.5.6: not even 0 may be added to NULL */
    in->error = false;
    in->cut = false;
}

bool cbor_at_end(const struct cbor_in *in) {
    return in->at == in->end;
}

enum cbor_major cbor_peek(const struct cbor_in *in) {
    return in->error || cbor_at_end(in) ? CBOR_SIMPLE : (enum cbor_major)(*in->at >> 5);
}

static uint64_t fail(struct cbor_in *in) {
    in->error = true;
    in->at = in->end;
    return 0;
}

/* It goes on behind the end. */
static uint64_t fail_at_end(struct cbor_in *in) {
    in->cut = in->cut || !in->error;
    return fail(in);
}

static size_t left(const struct cbor_in *in) {
    return (size_t)(in->end - in->at);
}

/* Reads one head; *info gets the low five bits, which tell float widths apart. */
static uint64_t get_head(struct cbor_in *in, enum cbor_major *major, unsigned *info) {
    *major = CBOR_SIMPLE;
    *info = 0;
    if (in->error || cbor_at_end(in))
        return fail_at_end(in);
    *major = (enum cbor_major)(*in->at >> 5);
    *info = *in->at & 0x1f;
    if (*info < ARG_1) {
        in->at++;
        return *info;
    }
    if (*info > ARG_8) /* reserved, or an indefinite length */
        return fail(in);
    size_t width = (size_t)1 << (*info - ARG_1);
    if (left(in) < 1 + width)
        return fail_at_end(in);
    uint64_t argument = 0;
    for (size_t i = 1; i <= width; i++)
        argument = argument << 8 | in->at[i];
    if (*major == CBOR_SIMPLE && *info == ARG_1 && argument < SIMPLE_IN_TWO_BYTES)
        return fail(in); /* RFC 8949 section 3.3: not well-formed */
    in->at += 1 + width;
    return argument;
}

static uint64_t expect(struct cbor_in *in, enum cbor_major wanted) {
    enum cbor_major major;
    unsigned info;
    uint64_t argument = get_head(in, &major, &info);
    return major == wanted ? argument : fail(in);
}

uint64_t cbor_get_uint(struct cbor_in *in) {
    return expect(in, CBOR_UINT);
}

uint32_t cbor_get_u32(struct cbor_in *in) {
    uint64_t value = cbor_get_uint(in);
    if (value > UINT32_MAX)
        fail(in);
    return (uint32_t)value;
}

int64_t cbor_get_int(struct cbor_in *in) {
    bool negative = cbor_peek(in) == CBOR_NINT;
    uint64_t argument = expect(in, negative ? CBOR_NINT : CBOR_UINT);
    if (argument > INT64_MAX)
        argument = fail(in);
    return negative ? -1 - (int64_t)argument : (int64_t)argument;
}

static const uint8_t *get_string(struct cbor_in *in, enum cbor_major major, size_t *len) {
    uint64_t size = expect(in, major);
    *len = 0;
    if (in->error || size > left(in)) {
        fail_at_end(in);
        return NULL;
    }
    const uint8_t *bytes = in->at;
    *len = (size_t)size;
    in->at += size;
    return bytes;
}

const uint8_t *cbor_get_bytes(struct cbor_in *in, size_t *len) {
    return get_string(in, CBOR_BYTES, len);
}

uint64_t cbor_get_bytes_head(struct cbor_in *in) {
    return expect(in, CBOR_BYTES);
}

const char *cbor_get_text(struct cbor_in *in, size_t *len) {
    const char *text = (const char *)get_string(in, CBOR_TEXT, len);
    if (text && utf8_is_valid(text, *len)) /* RFC 8949 section 5.3.1 */
        return text;
    *len = (size_t)fail(in);
    return NULL;
}

void cbor_get_text_into(struct cbor_in *in, char *out, size_t cap) {
    size_t len;
    const char *text = cbor_get_text(in, &len);
    if (!text || len >= cap || memchr(text, 0, len)) {
        fail(in);
        len = 0;
    } else {
        memcpy(out, text, len);
    }
    out[len] = 0;
}

/* An item takes at least a byte, so a count beyond what is left is a lie: refused here, so that
 * callers may loop on it. */
static size_t get_count(struct cbor_in *in, enum cbor_major major) {
    uint64_t count = expect(in, major);
    return count > left(in) ? (size_t)fail_at_end(in) : (size_t)count;
}

size_t cbor_get_array(struct cbor_in *in) {
    return get_count(in, CBOR_ARRAY);
}

size_t cbor_get_map(struct cbor_in *in) {
    return get_count(in, CBOR_MAP);
}

uint64_t cbor_get_tag(struct cbor_in *in) {
    return expect(in, CBOR_TAG);
}

/* A float is of the same major type, so that its bits are no simple value. */
bool cbor_get_bool(struct cbor_in *in) {
    enum cbor_major major;
    unsigned info;
    get_head(in, &major, &info);
    if (major != CBOR_SIMPLE || (info != SIMPLE_FALSE && info != SIMPLE_TRUE))
        fail(in);
    return !in->error && info == SIMPLE_TRUE;
}

/* RFC 8949 appendix D: binary16 has 10 fraction bits and an exponent bias of 15. */
static double half_to_double(uint16_t half) {
    unsigned exponent = half >> 10 & 0x1f;
    unsigned fraction = half & 0x3ff;
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    float magnitude;
    if (exponent == 0) {
        magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    uint32_t bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13;
    memcpy(&magnitude, &bits, sizeof bits);
    return magnitude;
}

static double bits_to_double(unsigned info, uint64_t bits) {
    if (info == ARG_2)
        return half_to_double((uint16_t)bits);
    if (info == ARG_4) {
        uint32_t word = (uint32_t)bits;
        float value;
        memcpy(&value, &word, sizeof value);
        return value;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double cbor_get_number(struct cbor_in *in) {
    enum cbor_major major;
    unsigned info;
    uint64_t argument = get_head(in, &major, &info);
    if (major == CBOR_UINT)
        return (double)argument;
    if (major == CBOR_NINT)
        return -1.0 - (double)argument;
    if (major == CBOR_SIMPLE && info >= ARG_2 && info <= ARG_8 && !in->error)
        return bits_to_double(info, argument);
    fail(in);
    return 0;
}

double cbor_get_finite(struct cbor_in *in) {
    double value = cbor_get_number(in);
    if (isfinite(value))
        return value;
    fail(in);
    return 0;
}

/* ---- one item with all that it holds ------------------------------------------------------ */

/* Over an item that is known to be well-formed. */
static void step_over(struct cbor_in *in) {
    for (uint64_t items = 1; items && !in->error; items--) {
        enum cbor_major major;
        unsigned info;
        uint64_t argument = get_head(in, &major, &info);
        if (major == CBOR_BYTES || major == CBOR_TEXT)
            in->at += argument;
        else if (major == CBOR_ARRAY || major == CBOR_TAG)
            items += major == CBOR_TAG ? 1 : argument;
        else if (major == CBOR_MAP)
            items += argument * 2;
    }
}

/* Keys are integers and texts, equal as values are: in whatever width (RFC 8949 section 5.6). */
static bool is_same_key(struct cbor_in a, struct cbor_in b) {
    enum cbor_major major_a, major_b;
    unsigned info;
    uint64_t argument = get_head(&a, &major_a, &info);
    if (get_head(&b, &major_b, &info) != argument || major_a != major_b)
        return false;
    return major_a != CBOR_TEXT || memcmp(a.at, b.at, (size_t)argument) == 0;
}

static bool is_among(struct cbor_in map, uint64_t pairs, struct cbor_in key) {
    for (; pairs; pairs--) {
        if (is_same_key(map, key))
            return true;
        step_over(&map);
        step_over(&map);
    }
    return false;
}

static void skip_nested(struct cbor_in *in, unsigned depth);

static void skip_map(struct cbor_in *in, uint64_t pairs, unsigned depth) {
    const struct cbor_in map = *in;
    for (uint64_t i = 0; i < pairs && !in->error; i++) {
        const struct cbor_in key = *in;
        enum cbor_major major = cbor_peek(in);
        if (major != CBOR_UINT && major != CBOR_NINT && major != CBOR_TEXT)
            fail(in);
        skip_nested(in, 0);
        if (!in->error && is_among(map, i, key))
            fail(in);
        skip_nested(in, depth);
    }
}

static void skip_string(struct cbor_in *in, enum cbor_major major, uint64_t len) {
    if (len > left(in))
        fail_at_end(in);
    else if (major == CBOR_TEXT && !utf8_is_valid((const char *)in->at, (size_t)len))
        fail(in);
    else
        in->at += len;
}

static void skip_nested(struct cbor_in *in, unsigned depth) {
    enum cbor_major major;
    unsigned info;
    uint64_t argument = get_head(in, &major, &info);
    bool is_container = major == CBOR_ARRAY || major == CBOR_MAP || major == CBOR_TAG;
    if (major == CBOR_BYTES || major == CBOR_TEXT)
        skip_string(in, major, argument);
    if (!is_container)
        return;
    if (depth == 0 || (major != CBOR_TAG && argument > left(in))) {
        fail(in);
        return;
    }
    if (major == CBOR_MAP) {
        skip_map(in, argument, depth - 1);
        return;
    }
    for (uint64_t items = major == CBOR_TAG ? 1 : argument; items && !in->error; items--)
        skip_nested(in, depth - 1);
}

void cbor_skip(struct cbor_in *in) {
    skip_nested(in, CBOR_DEPTH_MAX);
}

void cbor_in_whole(struct cbor_in *in, const void *bytes, size_t len) {
    cbor_in_init(in, bytes, len);
    struct cbor_in look = *in;
    cbor_skip(&look);
    if (look.error || !cbor_at_end(&look))
        fail(in);
}
