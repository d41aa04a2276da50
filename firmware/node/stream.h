/* Output streams: a ring of records each, numbered on across swaps (SPEC, /out). */
#ifndef WASMOTE_STREAM_H
#define WASMOTE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "node/manifest.h"
#include "node/record_ring.h"

struct stream {
    bool used;
    char name[NAME_CAP];
    struct record_ring ring;
};

enum stream_flags { STREAM_HAS_NAN = 1, STREAM_HAS_INFINITY = 2 };

/* The stream of that name in a slot, or NULL. */
struct stream *stream_find(int slot, const char *name);

/* The i-th stream of a slot, 0..MODULE_STREAMS_MAX-1, or NULL. */
struct stream *stream_at(int slot, uint32_t i);

/* Makes the slot's streams those of a manifest: the ones that stay keep ring and numbers, new
 * ones begin at first(name), the others are dropped. */
void streams_adopt(int slot, const struct manifest *manifest,
                   uint32_t (*first)(void *arg, const char *name), void *arg);

void streams_drop(int slot);

/* Appends a record; values are little-endian binary32. False when it cannot fit in any ring. */
bool stream_append(int slot, struct stream *stream, int64_t time_ms, const uint8_t *digest,
                   const uint8_t *values, uint32_t count);

#endif
