/* Bundles and manifests: the input once as a whole bundle, and once as the manifest of a good module,
 * so that damage behind the digest's check is reached; its parameters merged with themselves. */
#include "fuzz.h"

#include <string.h>

#include "core/cbor.h"
#include "node/manifest.h"
#include "node/module_config.h"

#define INPUT_MAX 4096

/* The smallest module there is: the seeds hold its digest (Wasm core specification 5.5.16). */
static const uint8_t module[] = {0x00, 'a', 's', 'm', 0x01, 0x00, 0x00, 0x00};

static void check_span(struct span span, const uint8_t *bytes, size_t len) {
    FUZZ_CHECK(span.len == 0 || (span.bytes >= bytes && span.bytes + span.len <= bytes + len));
}

static void check_manifest(const struct manifest *manifest, const uint8_t *bytes, size_t len) {
    FUZZ_CHECK(name_is_valid(manifest->name));
    FUZZ_CHECK(manifest->stream_count <= MODULE_STREAMS_MAX);
    FUZZ_CHECK(manifest->input_count <= MODULE_INPUTS_MAX);
    for (uint32_t i = 0; i < manifest->stream_count; i++) {
        FUZZ_CHECK(name_is_valid(manifest->stream[i].name));
        FUZZ_CHECK(manifest->stream[i].values - 1 < STREAM_VALUES_MAX);
    }
    for (uint32_t i = 0; i < manifest->input_count; i++) {
        FUZZ_CHECK(name_is_valid(manifest->input[i].name));
        FUZZ_CHECK(manifest->input[i].channels - 1 < SENSOR_CHANNELS_MAX);
        check_span(manifest->input[i].channel, bytes, len);
        check_span(manifest->input[i].unit, bytes, len);
    }
    check_span(manifest->config, bytes, len);
}

/* A merge with itself keeps every parameter; the bytes may be other ones only where a name is
 * repeated, or a number is not encoded in its shortest form. */
static void use_config(struct span config) {
    uint8_t merged[MODULE_CONFIG_MAX];
    char why[120];
    if (config.len == 0) {
        return;
    }
    int len = module_config_merge(config, config, merged, sizeof merged);
    FUZZ_CHECK(len == WM_ENOMEM || (len > 0 && (size_t)len <= sizeof merged));
    FUZZ_CHECK(module_config_check(config, config, why, sizeof why) == WM_OK);
    if (len > 0) {
        struct span again = {merged, (size_t)len};
        FUZZ_CHECK(module_config_check(config, again, why, sizeof why) == WM_OK);
    }
}

static void open_bundle(const uint8_t *bundle, size_t len) {
    struct manifest manifest;
    struct span found;
    char why[160];
    memset(why, 'x', sizeof why);
    wm_status status = bundle_open(bundle, len, &manifest, &found, why, sizeof why);
    if (status != WM_OK) {
        FUZZ_CHECK(memchr(why, '\0', sizeof why) != NULL);
        return;
    }
    check_span(found, bundle, len);
    FUZZ_CHECK(found.len == manifest.size);
    check_manifest(&manifest, bundle, len);
    use_config(manifest.config);
}

static void open_as_manifest(const uint8_t *manifest, size_t len) {
    static uint8_t bundle[INPUT_MAX + 32];
    struct cbor_out out;
    cbor_out_init(&out, bundle, sizeof bundle);
    cbor_put_bytes(&out, manifest, len);
    cbor_put_bytes(&out, module, sizeof module);
    FUZZ_CHECK(!out.overflow);
    open_bundle(bundle, out.len);
}

/* The decoder's own promise: it never leaves its buffer, and stepping over an item ends. */
static void walk(const uint8_t *bytes, size_t len) {
    struct cbor_in in;
    cbor_in_init(&in, bytes, len);
    while (!cbor_at_end(&in) && !in.error) {
        const uint8_t *before = in.at;
        cbor_skip(&in);
        FUZZ_CHECK(in.at >= before && in.at <= in.end && (in.error || in.at > before));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size <= INPUT_MAX) {
        walk(data, size);
        open_bundle(data, size);
        open_as_manifest(data, size);
    }
    return 0;
}
