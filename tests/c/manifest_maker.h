/* Bundles for tests: a manifest of which a test may bend every field, in front of a module. */
#ifndef MANIFEST_MAKER_H
#define MANIFEST_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "signer.h"

#define MANIFEST_KEYS 16

/* One key of a manifest (firmware/SPEC.md); lists of names end with their first NULL. */
struct manifest_fields {
    const char *name, *version, *cpu; /* keys 0, 1, 6 */
    uint32_t number[MANIFEST_KEYS];   /* those of keys 2, 4, 5, 7, 8, 14 and 15 */
    struct {
        const char *name;
        uint32_t values;
    } stream[3];
    struct {
        const char *sensor, *channel[3];
        size_t units;
        uint32_t period_ms; /* 0 = as the board does */
    } input[3];
    struct {
        const char *name;
        float value;
    } parameter[5];
    const char *schema;
    uint32_t state_bytes;
    const char *capability[2];
    const uint32_t *probation; /* key 17; NULL: left out */
    bool wrong_digest;
    bool leave_out[MANIFEST_KEYS], repeat[MANIFEST_KEYS];
    const struct envelope *envelope; /* NULL: not signed */
};

/* Encodes the bundle; returns its length. Fails the test when it does not fit. */
size_t make_bundle_of(const struct manifest_fields *fields, const uint8_t *module, size_t module_len,
                      uint8_t *out, size_t cap);

#endif
