/* Bundles for the tests of slots: wasm/life.wat behind a manifest that a test bends. */
#ifndef BUNDLE_MAKER_H
#define BUNDLE_MAKER_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "core/status.h"
#include "signer.h"

struct release {
    const char *version;
    const char *sensor;       /* its one input, of one channel */
    uint32_t period_ms;       /* how often it wants that input; 0 = as the board does */
    const char *stream;       /* its one stream */
    uint32_t values;          /* of a record; 0 = 3, which are as many as it emits */
    const char *parameter[4]; /* names, up to the first NULL */
    double value[4];          /* their defaults */
    const char *schema;       /* of its state */
    uint32_t state_bytes;     /* 0 = 4, which is what it has */
    uint32_t budget_us;
    uint32_t pages;
    const uint32_t *probation; /* events; NULL: as many as usual */
    uint32_t sequence;         /* 0: 1 */
    const struct envelope *envelope;
    size_t padding; /* bytes of a custom section in front of the code */
};

/* Encodes the bundle; returns its length. Fails the test when it does not fit. */
size_t make_bundle(const struct release *release, uint8_t *out, size_t cap);

#endif
