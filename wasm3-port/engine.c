#include "engine.h"

#include <string.h>

#include "host_call.h"
#include "engine_compat.h"

struct arena engine_arena;

const char trap_time_budget[] = "time budget exceeded";
const char trap_view_outside_memory[] = "host call with a view outside linear memory";
const char trap_by_host[] = "host call that is not allowed here";

static uint64_t (*clock_us)(void);
static uint64_t deadline_us;
static uintptr_t stack_limit;

/* ---- what the firmware says once -------------------------------------------------------------- */

void runtime_arena_init(void *bytes, size_t len) {
    arena_init(&engine_arena, bytes, len);
}

void runtime_arena_add(void *bytes, size_t len) {
    arena_add(&engine_arena, bytes, len);
}

size_t runtime_arena_free(void) {
    return engine_arena.size - engine_arena.used;
}

void runtime_set_clock(uint64_t (*now_us)(void)) {
    clock_us = now_us;
}

void runtime_set_native_stack(const void *lowest) {
    stack_limit = (uintptr_t)lowest + ENGINE_STACK_RESERVE;
}

bool engine_is_ready(void) {
    return clock_us != NULL && stack_limit != 0 && engine_arena.base != NULL;
}

/* ---- time --------------------------------------------------------------------------------------- */

void engine_start_budget(uint32_t budget_us) {
    deadline_us = clock_us() + budget_us;
}

/* Little when little time is left: however long a unit takes, the budget is not exceeded by more. */
const char *machine_refuel(struct machine *machine) {
    const uint64_t now = clock_us();
    if (now >= deadline_us) {
        return trap_time_budget;
    }
    const uint64_t units = (deadline_us - now) / ENGINE_UNIT_US;
    machine->fuel = units < MACHINE_FUEL ? (int32_t)units : MACHINE_FUEL;
    return NULL;
}

void engine_look_at_clock(IM3Runtime engine) {
    engine->machine.fuel = 0;
}

/* ---- native stack ------------------------------------------------------------------------------- */

/* A run takes one frame of the machine's, whatever the guest does, and those of a host call: there is
 * room for them all, or it does not begin. */
bool engine_stack_is_low(void) {
    return (uintptr_t)__builtin_frame_address(0) < stack_limit;
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
