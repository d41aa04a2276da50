/* Snapshots (SPEC, /modules/N/state): all that events have changed in a module, encoded straight from
 * its memory a window at a time, and put back straight into it item by item. There is no second copy. */
#ifndef WASMOTE_STATE_H
#define WASMOTE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/instance.h"

#define STATE_ITEM_MAX 1024 /* bytes of one encoded item; the head is the largest */

/* ---- taking one ------------------------------------------------------------------------- */

struct state_window {
    size_t first;   /* in: where in the snapshot the window begins */
    uint8_t *bytes; /* in: room for cap bytes */
    size_t cap;
    size_t len;    /* out: bytes written into it */
    size_t total;  /* out: bytes of the whole snapshot */
    uint32_t hash; /* out: differs when an event came between two windows */
};

/* Encodes the snapshot of a loaded instance and keeps what falls into the window. Nothing of the
 * guest's runs but wasmote_state() and wasmote_state_size(). */
void state_encode(struct instance *instance, struct state_window *window);

/* ---- putting one back ------------------------------------------------------------------- */

/* What stands before memory and globals. The spans last until state_head() returns. */
struct state_head {
    char name[NAME_CAP];
    uint8_t digest[SHA256_BYTES];
    char schema[NAME_CAP]; /* "": the module declares no state */
    uint32_t state_address, state_bytes;
    uint32_t memory_bytes;
    struct span streams;  /* CBOR map: stream name => next sequence number */
    struct span config;   /* CBOR map of parameters */
    struct span readings; /* CBOR array: the newest reading of each input */
    uint32_t events;
};

struct state_reader {
    struct state_head head;
    struct instance *into; /* loaded once the head was read */
    bool whole;            /* all of it, into the same module; else only the declared state */
    uint8_t *declared;     /* where the declared state goes when it is not whole */
    bool complete;
    struct sha256 hash;
    size_t held; /* bytes of an item that is not complete yet */
    uint8_t item[STATE_ITEM_MAX];
};

/* Called by state_feed() with the head: chooses and loads the instance that is to go on, sets `into`,
 * `whole` and `declared`, or refuses with a status and a reason. */
typedef wm_status state_opener(struct state_reader *reader, void *arg, char *why, size_t why_cap);

void state_begin(struct state_reader *reader);

/* Takes the next bytes; `more` follow. WM_EINVAL: not a snapshot; else what the opener said. */
wm_status state_feed(struct state_reader *reader, const uint8_t *bytes, size_t len, bool more,
                     state_opener *open, void *arg, char *why, size_t why_cap);

/* The newest readings that the module had of its injected sensors, as the head tells them, so that their
 * times go on growing. */
void state_give_readings(struct span readings, const struct instance *instance);

/* The number of a stream in a CBOR map (a span) from names to numbers; 0 when it is not there. */
uint32_t state_stream_number(void *streams, const char *name);

#endif
