/* A fixed-arena allocator: first fit over one free list in address order, neighbours merged when
 * freed. Every byte is accounted for, so that giving back everything leaves exactly the arena that
 * was there before. Not for interrupts. */
#ifndef WASMOTE_ARENA_H
#define WASMOTE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
    uint8_t *base;
    uint32_t size;      /* usable bytes, block headers included */
    uint32_t free_head; /* offset of the first free block */
    uint32_t used;      /* bytes in blocks that are handed out, headers included */
    uint32_t refused;   /* size of the last request that did not fit; 0 = none since arena_init() */
};

/* bytes: 8-byte aligned. At most 2 GiB; what exceeds a multiple of 8 is left unused. */
void arena_init(struct arena *arena, void *bytes, size_t len);
/* Another memory besides, at a higher address, of 16 bytes at least. */
void arena_add(struct arena *arena, void *bytes, size_t len);

/* n zeroed bytes, 8-byte aligned; NULL when no free block is large enough. n = 0 is a valid
 * request for a unique address. */
void *arena_alloc(struct arena *arena, size_t n);

/* The largest free block, whole and as it is; its bytes in *len. NULL when nothing is free. For what
 * learns only in the making how much it needs: arena_resize() then gives the rest back. */
void *arena_alloc_most(struct arena *arena, size_t *len);

/* What the largest request that would be granted now may ask for, bytes. */
uint32_t arena_largest(const struct arena *arena);

/* The block with room for n bytes, moved when it cannot grow in place. Bytes beyond its old size
 * are undefined. NULL leaves the old block as it was; block = NULL allocates. */
void *arena_resize(struct arena *arena, void *block, size_t n);

/* NULL is ignored. */
void arena_release(struct arena *arena, void *block);

#endif
