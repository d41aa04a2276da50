#include "bundle_maker.h"

#include "cmocka_all.h"

#include <string.h>

#include "core/cbor.h"
#include "core/sha256.h"
#include "runtime_modules.h" /* made by embed_wat.py */

static uint8_t module_bytes[MODULE_BANK_BYTES * 2];

/* A custom section (id 0) of an empty name and zeros: a larger module that does the same. */
static size_t make_module(size_t padding) {
    size_t len = sizeof wasm_life;
    memcpy(module_bytes, wasm_life, len);
    if (padding) {
        size_t size = padding + 1;
        const uint8_t head[5] = {0, (uint8_t)(size | 0x80), (uint8_t)(size >> 7 | 0x80),
                                 (uint8_t)(size >> 14), 0};
        assert_true(len + sizeof head + padding <= sizeof module_bytes);
        memcpy(module_bytes + len, head, sizeof head);
        memset(module_bytes + len + sizeof head, 0, padding);
        len += sizeof head + padding;
    }
    return len;
}

static void put_digest(struct cbor_out *out, size_t len) {
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    sha256_init(&hash);
    sha256_update(&hash, module_bytes, len);
    sha256_final(&hash, digest);
    cbor_put_bytes(out, digest, sizeof digest);
}

static void put_stream(struct cbor_out *out, const char *name) {
    cbor_put_array(out, 1);
    cbor_put_map(out, 3);
    cbor_put_uint(out, 0);
    cbor_put_text(out, name);
    cbor_put_uint(out, 1);
    cbor_put_uint(out, 0);
    cbor_put_uint(out, 2);
    cbor_put_array(out, 1);
    cbor_put_uint(out, 3);
}

static void put_texts(struct cbor_out *out, unsigned key, const char *text) {
    cbor_put_uint(out, key);
    cbor_put_array(out, 1);
    cbor_put_text(out, text);
}

static void put_input(struct cbor_out *out, const struct release *release) {
    cbor_put_array(out, 1);
    cbor_put_map(out, 4);
    cbor_put_uint(out, 0);
    cbor_put_text(out, release->sensor);
    put_texts(out, 1, "value");
    put_texts(out, 2, "1");
    cbor_put_uint(out, 3);
    cbor_put_uint(out, release->period_ms);
}

static void put_parameters(struct cbor_out *out, const struct release *release) {
    size_t count = 0;
    while (count < 4 && release->parameter[count])
        count++;
    cbor_put_map(out, count);
    for (size_t i = 0; i < count; i++) {
        cbor_put_text(out, release->parameter[i]);
        cbor_put_float(out, (float)release->value[i]);
    }
}

static void put_state(struct cbor_out *out, const char *schema) {
    cbor_put_map(out, 2);
    cbor_put_uint(out, 0);
    cbor_put_text(out, schema);
    cbor_put_uint(out, 1);
    cbor_put_uint(out, 4);
}

static void put_field(struct cbor_out *out, unsigned key, const struct release *release, size_t len) {
    const uint64_t numbers[] = {
        [2] = 1, [4] = len, [5] = 1, [7] = release->pages, [8] = 1024, [14] = release->budget_us};
    cbor_put_uint(out, key);
    switch (key) {
    case 0:
        cbor_put_text(out, "life");
        break;
    case 1:
        cbor_put_text(out, release->version);
        break;
    case 3:
        put_digest(out, len);
        break;
    case 6:
        cbor_put_text(out, "any");
        break;
    case 9:
        put_stream(out, release->stream);
        break;
    case 10:
        put_input(out, release);
        break;
    case 11:
        put_parameters(out, release);
        break;
    case 12:
        put_state(out, release->schema);
        break;
    case 13:
        cbor_put_array(out, 0);
        break;
    default:
        cbor_put_uint(out, numbers[key]);
    }
}

size_t make_bundle(const struct release *release, uint8_t *out, size_t cap) {
    uint8_t manifest[1024];
    struct cbor_out inner, outer;
    size_t len = make_module(release->padding);
    cbor_out_init(&inner, manifest, sizeof manifest);
    cbor_put_map(&inner, 15);
    for (unsigned key = 0; key < 15; key++)
        put_field(&inner, key, release, len);
    cbor_out_init(&outer, out, cap);
    cbor_put_bytes(&outer, manifest, inner.len);
    cbor_put_bytes(&outer, module_bytes, len);
    assert_false(inner.overflow || outer.overflow);
    return outer.len;
}
