#include "bundle_maker.h"

#include "cmocka_all.h"

#include <string.h>

#include "manifest_maker.h"
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

size_t make_bundle(const struct release *release, uint8_t *out, size_t cap) {
    size_t len = make_module(release->padding);
    struct manifest_fields fields = {
        .name = "life",
        .version = release->version,
        .cpu = "any",
        .number = {[2] = release->sequence ? release->sequence : 1,
                   [4] = (uint32_t)len,
                   [5] = 1,
                   [7] = release->pages,
                   [8] = 1024,
                   [14] = release->budget_us},
        .stream = {{release->stream, release->values ? release->values : 3}},
        .input = {{release->sensor, {"value"}, 1, release->period_ms}},
        .schema = release->schema,
        .state_bytes = release->state_bytes ? release->state_bytes : 4,
        .probation = release->probation,
        .envelope = release->envelope,
        .leave_out = {[15] = true},
    };
    for (size_t i = 0; i < 4 && release->parameter[i] != NULL; i++) {
        fields.parameter[i].name = release->parameter[i];
        fields.parameter[i].value = (float)release->value[i];
    }
    return make_bundle_of(&fields, module_bytes, len, out, cap);
}
