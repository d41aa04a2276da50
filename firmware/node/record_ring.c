#include "node/record_ring.h"

/* Each record is stored behind its length, low byte first; both may wrap at the end. */
#define LENGTH_BYTES 2u

void record_ring_init(struct record_ring *ring, uint8_t *bytes, uint32_t cap, uint32_t first) {
    *ring = (struct record_ring){.bytes = bytes, .cap = cap, .oldest = first, .next = first};
}

static uint8_t byte_at(const struct record_ring *ring, uint32_t offset) {
    return ring->bytes[offset % ring->cap];
}

static uint32_t length_at(const struct record_ring *ring, uint32_t offset) {
    return byte_at(ring, offset) | (uint32_t)byte_at(ring, offset + 1) << 8;
}

static void drop_oldest(struct record_ring *ring) {
    uint32_t size = LENGTH_BYTES + length_at(ring, ring->head);
    ring->head = (ring->head + size) % ring->cap;
    ring->used -= size;
    ring->oldest++;
}

static void append_byte(struct record_ring *ring, uint8_t byte) {
    ring->bytes[(ring->head + ring->used) % ring->cap] = byte;
    ring->used++;
}

bool record_ring_push(struct record_ring *ring, const uint8_t *record, size_t len) {
    if (len > UINT16_MAX || len + LENGTH_BYTES > ring->cap)
        return false;
    while (ring->cap - ring->used < len + LENGTH_BYTES)
        drop_oldest(ring);
    append_byte(ring, (uint8_t)len);
    append_byte(ring, (uint8_t)(len >> 8));
    for (size_t i = 0; i < len; i++)
        append_byte(ring, record[i]);
    ring->next++;
    return true;
}

static uint32_t skip(const struct record_ring *ring, uint32_t records) {
    uint32_t offset = ring->head;
    while (records--)
        offset = (offset + LENGTH_BYTES + length_at(ring, offset)) % ring->cap;
    return offset;
}

static struct record_batch copy_from(const struct record_ring *ring, uint32_t first, uint8_t *out,
                                     size_t cap) {
    struct record_batch batch = {0};
    uint32_t offset = skip(ring, first - ring->oldest);
    for (uint32_t sequence = first; sequence != ring->next; sequence++) {
        uint32_t len = length_at(ring, offset);
        if (len > cap - batch.len)
            break;
        for (uint32_t i = 0; i < len; i++)
            out[batch.len + i] = byte_at(ring, offset + LENGTH_BYTES + i);
        batch.len += len;
        batch.count++;
        offset = (offset + LENGTH_BYTES + len) % ring->cap;
    }
    return batch;
}

/* Sequence numbers are compared in serial-number arithmetic (RFC 1982), so that they may wrap. */
static bool before(uint32_t a, uint32_t b) {
    return (int32_t)(a - b) < 0;
}

struct record_batch record_ring_after(const struct record_ring *ring, uint32_t since, uint8_t *out,
                                      size_t cap) {
    uint32_t first = since + 1;
    if (!before(first, ring->next))
        return (struct record_batch){0};
    uint32_t lost = before(first, ring->oldest) ? ring->oldest - first : 0;
    struct record_batch batch = copy_from(ring, first + lost, out, cap);
    batch.lost = lost;
    return batch;
}

struct record_batch record_ring_all(const struct record_ring *ring, uint8_t *out, size_t cap) {
    return copy_from(ring, ring->oldest, out, cap);
}

struct record_batch record_ring_newest(const struct record_ring *ring, uint8_t *out, size_t cap) {
    if (ring->oldest == ring->next)
        return (struct record_batch){0};
    return copy_from(ring, ring->next - 1, out, cap);
}
