/* What the events of a module can change, read and put back between events: memory and mutable globals.
 * Its table cannot change, since nothing in the accepted instructions writes to one. */
#include <string.h>

#include "engine.h"
#include "engine_compat.h"
#include "runtime.h"

const uint8_t *runtime_snapshot_memory(const struct runtime *rt, uint32_t *len) {
    return m3_GetMemory(rt->engine, len, 0);
}

wm_status runtime_snapshot_resize(struct runtime *rt, uint32_t len) {
    const uint32_t before = engine_arena.used;
    const wm_status status = engine_resize_memory(rt->engine, len);
    rt->arena_bytes += engine_arena.used - before;
    return status;
}

wm_status runtime_snapshot_write(struct runtime *rt, uint32_t address, const uint8_t *bytes,
                                 size_t len) {
    uint32_t size = 0;
    uint8_t *memory = m3_GetMemory(rt->engine, &size, 0);
    if (memory == NULL || address > size || len > size - address) {
        return WM_EINVAL;
    }
    memcpy(memory + address, bytes, len);
    return WM_OK;
}

void runtime_snapshot_clear(struct runtime *rt) {
    uint32_t size = 0;
    uint8_t *memory = m3_GetMemory(rt->engine, &size, 0);
    memset(memory, 0, size);
}

uint32_t runtime_snapshot_globals(const struct runtime *rt) {
    return engine_global_count(rt->module);
}

bool runtime_snapshot_global(const struct runtime *rt, uint32_t index, uint64_t *bits) {
    if (index >= engine_global_count(rt->module) || !engine_global_is_mutable(rt->module, index)) {
        return false;
    }
    *bits = engine_global(rt->module, index);
    return true;
}

wm_status runtime_snapshot_set_global(struct runtime *rt, uint32_t index, uint64_t bits) {
    uint64_t now;
    if (!runtime_snapshot_global(rt, index, &now)) {
        return WM_EINVAL;
    }
    engine_set_global(rt->module, index, bits);
    return WM_OK;
}

uint32_t runtime_snapshot_table(const struct runtime *rt) {
    return engine_table_size(rt->module);
}

uint32_t runtime_snapshot_entry(const struct runtime *rt, uint32_t index) {
    return engine_table_entry(rt->module, index);
}

uint8_t *runtime_keep(const uint8_t *bytes, size_t len) {
    uint8_t *kept = arena_alloc(&engine_arena, len);
    if (kept != NULL && bytes != NULL) {
        memcpy(kept, bytes, len);
    }
    return kept;
}

void runtime_drop(uint8_t *kept) {
    arena_release(&engine_arena, kept);
}
