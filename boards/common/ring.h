/* A byte ring between one producer and one consumer, either of which may be an interrupt handler:
 * each index is written by one side only, and indices run freely, so that full and empty differ. */
#ifndef WASMOTE_RING_H
#define WASMOTE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For code that runs where it may call nothing that lies in flash (HAL_RAMCODE). */
#define RING_INLINE static inline __attribute__((always_inline))

struct ring {
    uint8_t *bytes;
    uint32_t size;          /* a power of two */
    volatile uint32_t head; /* next to write; the producer's */
    volatile uint32_t tail; /* next to read; the consumer's */
};

RING_INLINE uint32_t ring_used(const struct ring *ring) {
    return ring->head - ring->tail;
}

RING_INLINE uint32_t ring_space(const struct ring *ring) {
    return ring->size - ring_used(ring);
}

RING_INLINE bool ring_put(struct ring *ring, uint8_t byte) {
    if (ring_space(ring) == 0)
        return false;
    ring->bytes[ring->head & (ring->size - 1)] = byte;
    ring->head = ring->head + 1;
    return true;
}

RING_INLINE bool ring_get(struct ring *ring, uint8_t *byte) {
    if (ring_used(ring) == 0)
        return false;
    *byte = ring->bytes[ring->tail & (ring->size - 1)];
    ring->tail = ring->tail + 1;
    return true;
}

static inline size_t ring_write(struct ring *ring, const uint8_t *bytes, size_t len) {
    size_t done = 0;
    while (done < len && ring_put(ring, bytes[done]))
        done++;
    return done;
}

static inline size_t ring_read(struct ring *ring, uint8_t *out, size_t cap) {
    size_t done = 0;
    while (done < cap && ring_get(ring, &out[done]))
        done++;
    return done;
}

/* The longest run of waiting bytes that lie side by side, for a bulk write of them. */
static inline size_t ring_peek_run(const struct ring *ring, const uint8_t **run) {
    uint32_t offset = ring->tail & (ring->size - 1);
    uint32_t used = ring_used(ring);
    *run = ring->bytes + offset;
    return used < ring->size - offset ? used : ring->size - offset;
}

static inline void ring_drop(struct ring *ring, size_t len) {
    ring->tail = ring->tail + (uint32_t)len;
}

#endif
