#include "node/counters.h"

#include <string.h>

#include "config.h"
#include "core/bytes.h"
#include "core/sha256.h"

static struct {
    uint32_t id[2];
    uint32_t value; /* 0: free */
} counters[COUNTERS_MAX];

/* The first bytes of a SHA-256: whoever could make two names meet may sign modules anyway. */
static void make_id(const char *kind, const char *name, uint32_t id[2]) {
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    sha256_init(&hash);
    sha256_update(&hash, kind, strlen(kind) + 1);
    sha256_update(&hash, name, strlen(name));
    sha256_final(&hash, digest);
    id[0] = get_be32(digest);
    id[1] = get_be32(digest + 4);
}

/* Where it is, or would go; COUNTERS_MAX when there is no room. */
static unsigned find(const uint32_t id[2]) {
    unsigned i = 0;
    while (i < COUNTERS_MAX && counters[i].value &&
           (counters[i].id[0] != id[0] || counters[i].id[1] != id[1]))
        i++;
    return i;
}

uint32_t counter_get(const char *kind, const char *name) {
    uint32_t id[2];
    make_id(kind, name, id);
    unsigned i = find(id);
    return i < COUNTERS_MAX ? counters[i].value : 0;
}

wm_status counter_raise(const char *kind, const char *name, uint32_t value) {
    uint32_t id[2];
    make_id(kind, name, id);
    unsigned i = find(id);
    if (i == COUNTERS_MAX)
        return value ? WM_ENOMEM : WM_OK;
    if (value < counters[i].value)
        return WM_EINVAL;
    memcpy(counters[i].id, id, sizeof counters[i].id);
    counters[i].value = value;
    return WM_OK;
}
