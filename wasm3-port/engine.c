#include "engine.h"

#include <string.h>

#include "host_call.h"

struct arena engine_arena;

const char trap_time_budget[] = "time budget exceeded";
const char trap_view_outside_memory[] = "host call with a view outside linear memory";
const char trap_by_host[] = "host call that is not allowed here";

static uint64_t (*clock_us)(void);
static uint64_t deadline_us;

/* ---- what the firmware says once -------------------------------------------------------------- */

void runtime_arena_init(void *bytes, size_t len) {
    arena_init(&engine_arena, bytes, len);
}

size_t runtime_arena_free(void) {
    return engine_arena.size - engine_arena.used;
}

void runtime_set_clock(uint64_t (*now_us)(void)) {
    clock_us = now_us;
}

void runtime_set_native_stack(const void *lowest) {
    m3_nativeStackLimit = (uintptr_t)lowest + ENGINE_STACK_RESERVE;
}

bool engine_is_ready(void) {
    return clock_us != NULL && m3_nativeStackLimit != 0 && engine_arena.base != NULL;
}

/* ---- time: wasm3 calls this when m3_fuel has run out (patch 0003) ----------------------------- */

void engine_start_budget(uint32_t budget_us) {
    m3_fuel = ENGINE_FUEL;
    deadline_us = clock_us() + budget_us;
}

M3Result m3_Yield(void) {
    m3_fuel = ENGINE_FUEL;
    return clock_us() >= deadline_us ? trap_time_budget : m3Err_none;
}

/* ---- memory: wasm3's allocator (patch 0002); it expects zeroed memory ------------------------- */

void *m3_Malloc(size_t size);
void *m3_Realloc(void *block, size_t new_size, size_t old_size);
void m3_FreeImpl(void *block);

void *m3_Malloc(size_t size) {
    return arena_alloc(&engine_arena, size);
}

void *m3_Realloc(void *block, size_t new_size, size_t old_size) {
    if (new_size == old_size && block != NULL) {
        return block;
    }
    uint8_t *bytes = arena_resize(&engine_arena, block, new_size);
    if (bytes != NULL && new_size > old_size) {
        memset(bytes + old_size, 0, new_size - old_size);
    }
    return bytes;
}

void m3_FreeImpl(void *block) {
    arena_release(&engine_arena, block);
}
