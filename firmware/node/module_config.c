#include "node/module_config.h"

#include <stdio.h>
#include <string.h>

#include "core/cbor.h"

/* Where the number of a key lies, as one encoded item; empty when the map has no such key. */
static struct span find(struct span config, const char *key, size_t key_len) {
    struct cbor_in in;
    cbor_in_init(&in, config.bytes, config.len);
    size_t pairs = config.len ? cbor_get_map(&in) : 0;
    while (pairs-- && !in.error) {
        size_t len;
        const char *name = cbor_get_text(&in, &len);
        const uint8_t *value = in.at;
        cbor_get_number(&in);
        if (!in.error && len == key_len && memcmp(name, key, len) == 0)
            return (struct span){value, (size_t)(in.at - value)};
    }
    return (struct span){0};
}

bool module_config_number(struct span config, const char *key, size_t key_len, double *value) {
    struct span item = find(config, key, key_len);
    struct cbor_in in;
    cbor_in_init(&in, item.bytes, item.len);
    if (item.len)
        *value = cbor_get_number(&in);
    return item.len > 0;
}

int module_config_merge(struct span defaults, struct span chosen, uint8_t *out, size_t cap) {
    struct cbor_in in;
    struct cbor_out merged;
    cbor_in_init(&in, defaults.bytes, defaults.len);
    cbor_out_init(&merged, out, cap);
    size_t pairs = defaults.len ? cbor_get_map(&in) : 0;
    cbor_put_map(&merged, pairs);
    while (pairs-- && !in.error) {
        size_t len;
        const char *name = cbor_get_text(&in, &len);
        const uint8_t *value = in.at;
        cbor_get_number(&in);
        struct span own = find(chosen, name, len);
        cbor_put_textn(&merged, name, len);
        if (own.len)
            cbor_put_raw(&merged, own.bytes, own.len);
        else
            cbor_put_raw(&merged, value, (size_t)(in.at - value));
    }
    return merged.overflow || in.error ? WM_ENOMEM : (int)merged.len;
}

wm_status module_config_check(struct span defaults, struct span chosen, char *why, size_t why_cap) {
    struct cbor_in in;
    cbor_in_whole(&in, chosen.bytes, chosen.len);
    size_t pairs = cbor_get_map(&in);
    while (pairs-- && !in.error) {
        size_t len;
        const char *name = cbor_get_text(&in, &len);
        cbor_get_finite(&in);
        if (!in.error && !find(defaults, name, len).len) {
            snprintf(why, why_cap, "the module has no parameter %.*s", (int)(len <= 40 ? len : 0), name);
            return WM_EINVAL;
        }
    }
    if (in.error || !cbor_at_end(&in)) {
        snprintf(why, why_cap, "expected one CBOR map from text to finite number");
        return WM_EINVAL;
    }
    return WM_OK;
}
