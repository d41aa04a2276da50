#include "node/counters.h"

#include <stdbool.h>
#include <string.h>

#include "core/sha256.h"
#include "store/store.h"

struct counter_id {
    uint8_t bytes[STORE_COUNTER_ID_BYTES];
};

/* The first bytes of a SHA-256: whoever could make two names meet may sign modules anyway. */
static struct counter_id make_id(const char *kind, const char *name) {
    struct counter_id id;
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    sha256_init(&hash);
    sha256_update(&hash, kind, strlen(kind) + 1);
    sha256_update(&hash, name, strlen(name));
    sha256_final(&hash, digest);
    memcpy(id.bytes, digest, sizeof id.bytes);
    return id;
}

uint32_t counter_get(const char *kind, const char *name) {
    return store_counter(make_id(kind, name).bytes);
}

/* However many names of modules there are, the keys can still be changed. */
static bool last_place_is_kept(const char *kind) {
    return strcmp(kind, COUNTER_OF_KEYS) != 0 && counter_get(COUNTER_OF_KEYS, "") == 0 &&
           store_counters_free() == 1;
}

wm_status counter_raise(const char *kind, const char *name, uint32_t value) {
    struct counter_id id = make_id(kind, name);
    uint32_t now = store_counter(id.bytes);
    if (value <= now)
        return value == now ? WM_OK : WM_EINVAL;
    if (now == 0 && last_place_is_kept(kind))
        return WM_ENOMEM;
    return store_raise_counter(id.bytes, value);
}
