#include "node/erases.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "hal.h"
#include "node/trust.h"

#define EVERY_US (MODULE_ERASE_EVERY_S * UINT64_C(1000000))

static struct {
    uint64_t owed_until_us; /* each that was spent moves it by EVERY_US; behind now: nothing is owed */
    uint8_t started[SHORT_DIGEST_BYTES]; /* the release that was last */
    uint32_t sequence;
} erases;

/* When the next one may be spent. */
static uint64_t next_us(void) {
    uint64_t in_a_row = (MODULE_ERASES_MAX - 1) * EVERY_US;
    return erases.owed_until_us > in_a_row ? erases.owed_until_us - in_a_row : 0;
}

bool erases_may_spend(char *why, size_t why_cap) {
    uint64_t now = hal_now_us();
    if (trust_is_development() || now >= next_us())
        return true;
    snprintf(why, why_cap, "%d uploads in a row were not started: flash is erased for another in %u s",
             MODULE_ERASES_MAX, (unsigned)((next_us() - now) / 1000000) + 1);
    return false;
}

void erases_spend(void) {
    uint64_t now = hal_now_us();
    erases.owed_until_us = (erases.owed_until_us > now ? erases.owed_until_us : now) + EVERY_US;
}

void erases_came_to_something(const struct manifest *manifest) {
    bool same = erases.sequence == manifest->sequence &&
                memcmp(erases.started, manifest->digest, sizeof erases.started) == 0;
    if (same)
        return;
    erases.sequence = manifest->sequence;
    memcpy(erases.started, manifest->digest, sizeof erases.started);
    erases.owed_until_us = 0;
}

void erases_start(void) {
    memset(&erases, 0, sizeof erases);
}
