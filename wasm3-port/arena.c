#include "arena.h"

#include <string.h>

/* In front of every block. Offsets instead of pointers keep it at 8 bytes on 64-bit hosts too. */
struct block {
    uint32_t size; /* of the whole block, this header included; a multiple of 8 */
    uint32_t next; /* offset of the next free block; IN_USE while handed out */
};

#define ALIGN 8u
#define HEADER ((uint32_t)sizeof(struct block))
#define BLOCK_MIN (HEADER + ALIGN)
#define NO_BLOCK UINT32_MAX
#define IN_USE (UINT32_MAX - 1)
#define SIZE_LIMIT 0x80000000u

static struct block *at(const struct arena *arena, uint32_t offset) {
    return (struct block *)(void *)(arena->base + offset);
}

static uint32_t offset_of(const struct arena *arena, const struct block *block) {
    return (uint32_t)((const uint8_t *)block - arena->base);
}

static struct block *block_of(void *bytes) {
    return (struct block *)(void *)((uint8_t *)bytes - HEADER);
}

/* Size of the block that holds n bytes; 0 when n is out of all proportion. */
static uint32_t block_size(size_t n) {
    if (n > SIZE_LIMIT) {
        return 0;
    }
    const uint32_t size = ((uint32_t)n + HEADER + ALIGN - 1) & ~(ALIGN - 1);
    return size < BLOCK_MIN ? BLOCK_MIN : size;
}

void arena_init(struct arena *arena, void *bytes, size_t len) {
    const uint32_t size = (uint32_t)(len < SIZE_LIMIT ? len : SIZE_LIMIT) & ~(ALIGN - 1);
    *arena = (struct arena){.base = bytes, .size = size, .free_head = NO_BLOCK};
    if (size >= BLOCK_MIN) {
        *at(arena, 0) = (struct block){.size = size, .next = NO_BLOCK};
        arena->free_head = 0;
    }
}

void arena_add(struct arena *arena, void *bytes, size_t len) {
    struct block *block = bytes;
    *block = (struct block){.size = (uint32_t)len & ~(ALIGN - 1), .next = IN_USE};
    arena->size += block->size;
    arena->used += block->size;
    arena_release(arena, block + 1);
}

/* Takes `size` bytes from the front of a free block; `link` is what points to it. */
static void take(struct arena *arena, uint32_t *link, struct block *block, uint32_t size) {
    if (block->size - size >= BLOCK_MIN) {
        const uint32_t rest = *link + size;
        *at(arena, rest) = (struct block){.size = block->size - size, .next = block->next};
        block->size = size;
        *link = rest;
    } else {
        *link = block->next;
    }
    block->next = IN_USE;
    arena->used += block->size;
}

void *arena_alloc(struct arena *arena, size_t n) {
    const uint32_t size = block_size(n);
    uint32_t *link = &arena->free_head;
    while (size != 0 && *link != NO_BLOCK) {
        struct block *block = at(arena, *link);
        if (block->size >= size) {
            take(arena, link, block, size);
            return memset(block + 1, 0, block->size - HEADER);
        }
        link = &block->next;
    }
    arena->refused = n < SIZE_LIMIT ? (uint32_t)n : SIZE_LIMIT;
    return NULL;
}

void *arena_alloc_most(struct arena *arena, size_t *len) {
    uint32_t *most = NULL;
    for (uint32_t *link = &arena->free_head; *link != NO_BLOCK; link = &at(arena, *link)->next) {
        if (most == NULL || at(arena, *link)->size > at(arena, *most)->size) {
            most = link;
        }
    }
    if (most == NULL) {
        *len = 0;
        return NULL;
    }
    struct block *block = at(arena, *most);
    take(arena, most, block, block->size);
    *len = block->size - HEADER;
    return block + 1;
}

uint32_t arena_largest(const struct arena *arena) {
    uint32_t most = HEADER;
    for (uint32_t free = arena->free_head; free != NO_BLOCK; free = at(arena, free)->next) {
        if (at(arena, free)->size > most) {
            most = at(arena, free)->size;
        }
    }
    return most - HEADER;
}

static void merge_with_next(const struct arena *arena, struct block *block) {
    if (block->next != NO_BLOCK && offset_of(arena, block) + block->size == block->next) {
        const struct block *next = at(arena, block->next);
        block->size += next->size;
        block->next = next->next;
    }
}

void arena_release(struct arena *arena, void *bytes) {
    if (bytes == NULL) {
        return;
    }
    struct block *block = block_of(bytes);
    const uint32_t offset = offset_of(arena, block);
    struct block *previous = NULL;
    uint32_t *link = &arena->free_head;
    while (*link != NO_BLOCK && *link < offset) {
        previous = at(arena, *link);
        link = &previous->next;
    }
    arena->used -= block->size;
    block->next = *link;
    *link = offset;
    merge_with_next(arena, block);
    if (previous != NULL) {
        merge_with_next(arena, previous);
    }
}

/* Gives the tail of a block back, so that what is in use is what was asked for. */
static void trim(struct arena *arena, struct block *block, uint32_t size) {
    if (block->size - size < BLOCK_MIN) {
        return;
    }
    struct block *rest = at(arena, offset_of(arena, block) + size);
    *rest = (struct block){.size = block->size - size, .next = IN_USE};
    block->size = size;
    arena_release(arena, rest + 1);
}

/* Linear memory grows by pages of 16 KiB: extending it into a free neighbour avoids needing the
 * old and the new copy at once. */
static int extend(struct arena *arena, struct block *block, uint32_t size) {
    const uint32_t end = offset_of(arena, block) + block->size;
    uint32_t *link = &arena->free_head;
    while (*link != NO_BLOCK && *link < end) {
        link = &at(arena, *link)->next;
    }
    if (*link != end || block->size + at(arena, end)->size < size) {
        return 0;
    }
    struct block *next = at(arena, end);
    *link = next->next;
    arena->used += next->size;
    block->size += next->size;
    return 1;
}

void *arena_resize(struct arena *arena, void *bytes, size_t n) {
    if (bytes == NULL) {
        return arena_alloc(arena, n);
    }
    struct block *block = block_of(bytes);
    const uint32_t size = block_size(n);
    if (size != 0 && (block->size >= size || extend(arena, block, size))) {
        trim(arena, block, size);
        return bytes;
    }
    void *moved = arena_alloc(arena, n);
    if (moved != NULL) {
        memcpy(moved, bytes, block->size - HEADER);
        arena_release(arena, bytes);
    }
    return moved;
}
