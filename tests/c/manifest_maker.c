#include "manifest_maker.h"

#include "cmocka_all.h"

#include "core/cbor.h"
#include "core/sha256.h"

static void put_digest(struct cbor_out *out, const uint8_t *module, size_t len, bool wrong) {
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    sha256_init(&hash);
    sha256_update(&hash, module, len);
    sha256_final(&hash, digest);
    digest[31] ^= wrong;
    cbor_put_bytes(out, digest, sizeof digest);
}

static void put_streams(struct cbor_out *out, const struct manifest_fields *fields) {
    size_t count = 0;
    while (fields->stream[count].name != NULL) {
        count++;
    }
    cbor_put_array(out, count);
    for (size_t i = 0; i < count; i++) {
        cbor_put_map(out, 4);
        cbor_put_uint(out, 0);
        cbor_put_text(out, fields->stream[i].name);
        cbor_put_uint(out, 1);
        cbor_put_uint(out, 0);
        cbor_put_uint(out, 2);
        cbor_put_array(out, 1);
        cbor_put_uint(out, fields->stream[i].values);
        cbor_put_uint(out, 99); /* a key of a later version */
        cbor_put_array(out, 0);
    }
}

static void put_input(struct cbor_out *out, const struct manifest_fields *fields, size_t i) {
    size_t channels = 0;
    while (fields->input[i].channel[channels] != NULL) {
        channels++;
    }
    cbor_put_map(out, fields->input[i].period_ms ? 4 : 3);
    cbor_put_uint(out, 0);
    cbor_put_text(out, fields->input[i].sensor);
    cbor_put_uint(out, 1);
    cbor_put_array(out, channels);
    for (size_t channel = 0; channel < channels; channel++) {
        cbor_put_text(out, fields->input[i].channel[channel]);
    }
    cbor_put_uint(out, 2);
    cbor_put_array(out, fields->input[i].units);
    for (size_t unit = 0; unit < fields->input[i].units; unit++) {
        cbor_put_text(out, "mm");
    }
    if (fields->input[i].period_ms) {
        cbor_put_uint(out, 3);
        cbor_put_uint(out, fields->input[i].period_ms);
    }
}

static void put_inputs(struct cbor_out *out, const struct manifest_fields *fields) {
    size_t count = 0;
    while (fields->input[count].sensor != NULL) {
        count++;
    }
    cbor_put_array(out, count);
    for (size_t i = 0; i < count; i++) {
        put_input(out, fields, i);
    }
}

static void put_parameters(struct cbor_out *out, const struct manifest_fields *fields) {
    size_t count = 0;
    while (fields->parameter[count].name != NULL) {
        count++;
    }
    cbor_put_map(out, count);
    for (size_t i = 0; i < count; i++) {
        cbor_put_text(out, fields->parameter[i].name);
        cbor_put_float(out, fields->parameter[i].value);
    }
}

static void put_state(struct cbor_out *out, const struct manifest_fields *fields) {
    cbor_put_map(out, 2);
    cbor_put_uint(out, 0);
    cbor_put_text(out, fields->schema);
    cbor_put_uint(out, 1);
    cbor_put_uint(out, fields->state_bytes);
}

static void put_capabilities(struct cbor_out *out, const struct manifest_fields *fields) {
    size_t count = 0;
    while (fields->capability[count] != NULL) {
        count++;
    }
    cbor_put_array(out, count);
    for (size_t i = 0; i < count; i++) {
        cbor_put_text(out, fields->capability[i]);
    }
}

static void put_value(struct cbor_out *out, size_t key, const struct manifest_fields *fields) {
    switch (key) {
    case 0:
        cbor_put_text(out, fields->name);
        break;
    case 1:
        cbor_put_text(out, fields->version);
        break;
    case 6:
        cbor_put_text(out, fields->cpu);
        break;
    case 9:
        put_streams(out, fields);
        break;
    case 10:
        put_inputs(out, fields);
        break;
    case 11:
        put_parameters(out, fields);
        break;
    case 12:
        put_state(out, fields);
        break;
    case 13:
        put_capabilities(out, fields);
        break;
    default:
        cbor_put_uint(out, fields->number[key]);
    }
}

size_t make_bundle_of(const struct manifest_fields *fields, const uint8_t *module, size_t module_len,
                      uint8_t *out, size_t cap) {
    uint8_t manifest[1024];
    struct cbor_out inner, outer;
    size_t pairs = fields->probation != NULL;
    for (size_t key = 0; key < MANIFEST_KEYS; key++) {
        pairs += (size_t)!fields->leave_out[key] + fields->repeat[key];
    }
    cbor_out_init(&inner, manifest, sizeof manifest);
    cbor_put_map(&inner, pairs);
    for (size_t at = 0; at < 2 * MANIFEST_KEYS; at++) {
        size_t key = at % MANIFEST_KEYS;
        if (at < MANIFEST_KEYS ? fields->leave_out[key] : !fields->repeat[key]) {
            continue;
        }
        cbor_put_uint(&inner, key);
        if (key == 3) {
            put_digest(&inner, module, module_len, fields->wrong_digest);
        } else {
            put_value(&inner, key, fields);
        }
    }
    if (fields->probation != NULL) {
        cbor_put_uint(&inner, 17);
        cbor_put_uint(&inner, *fields->probation);
    }
    cbor_out_init(&outer, out, cap);
    if (fields->envelope != NULL) {
        outer.len = signer_envelope(fields->envelope, manifest, inner.len, out, cap);
    } else {
        cbor_put_bytes(&outer, manifest, inner.len);
    }
    cbor_put_bytes(&outer, module, module_len);
    assert_false(inner.overflow || outer.overflow);
    return outer.len;
}
