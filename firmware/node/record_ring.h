/* A ring of encoded records with consecutive sequence numbers: the newest push out the oldest.
 * Streams and the log are such rings; what a reader missed is exactly countable. */
#ifndef WASMOTE_RECORD_RING_H
#define WASMOTE_RECORD_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record_ring {
    uint8_t *bytes;
    uint32_t cap;
    uint32_t head; /* offset of the oldest record */
    uint32_t used;
    uint32_t oldest; /* its sequence number; equals next when the ring is empty */
    uint32_t next;   /* the sequence number that the next record gets */
};

/* What a reader gets: whole encoded records, one after the other. */
struct record_batch {
    uint32_t count; /* records copied */
    uint32_t lost;  /* records after `since` that the ring no longer holds */
    size_t len;     /* bytes copied */
};

void record_ring_init(struct record_ring *ring, uint8_t *bytes, uint32_t cap, uint32_t first);

/* Appends one record, which must carry the number ring->next. False when it is larger than the
 * whole ring: then nothing changes. */
bool record_ring_push(struct record_ring *ring, const uint8_t *record, size_t len);

/* Copies the records after `since`, oldest first, as many whole ones as fit. */
struct record_batch record_ring_after(const struct record_ring *ring, uint32_t since, uint8_t *out,
                                      size_t cap);

/* All that is kept, from the oldest. */
struct record_batch record_ring_all(const struct record_ring *ring, uint8_t *out, size_t cap);

/* Only the newest record; count 0 when there is none. */
struct record_batch record_ring_newest(const struct record_ring *ring, uint8_t *out, size_t cap);

#endif
