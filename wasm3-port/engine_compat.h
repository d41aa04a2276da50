/* Everything that depends on wasm3's internals and thus on its version (0.5.0, with our patches and the
 * machine in place of its compiler). Only this and machine/ include an m3_*.h file. */
#ifndef WASMOTE_ENGINE_COMPAT_H
#define WASMOTE_ENGINE_COMPAT_H

#ifdef FOR_COMPARISON /* stock/stock.mk */
#include "stock/engine_compat.h"
#else

#include <stdint.h>

#include "config/wasm3_config.h"
#include "core/status.h"
#include "engine.h"
#include "m3_env.h"
#include "validate.h"
#include "wasm3.h"

static inline IM3Function engine_function(IM3Module module, uint32_t index) {
    return Module_GetFunction(module, index);
}

/* NULL: there is none. */
static inline IM3Function engine_start_function(IM3Module module) {
    return module->startFunction >= 0 ? &module->functions[module->startFunction] : NULL;
}

/* What memory.grow may reach. The module's own maximum, when lower, stays. */
static inline void engine_limit_memory(IM3Runtime engine, uint32_t pages) {
    if (engine->memory.maxPages > pages) {
        engine->memory.maxPages = pages;
    }
}

/* Before the module is loaded: its memory takes no more bytes than these. 0: whole pages. */
static inline void engine_trim_memory(IM3Runtime engine, uint32_t bytes) {
    engine->memoryLimit = bytes;
}

/* Compiles every function that is not an import; once all imports are linked. */
static inline enum machine_fault engine_compile(IM3Module module, const struct validate_facts *facts) {
    M3Memory *memory = &module->runtime->memory;
    const struct machine_needs needs = {.operands = facts->operands_max,
                                        .blocks = facts->blocks_max,
                                        .locals = facts->locals_max,
                                        .memory_grows = facts->grows_memory};
    machine_set_memory(&module->runtime->machine, (uint8_t *)(memory->mallocated + 1),
                       (uint32_t)memory->mallocated->length);
    return machine_compile(module, &needs);
}

/* args, results: 64 bits each, of which an i32 or an f32 has the low 32. NULL, or the trap. */
static inline const char *engine_call(IM3Function function, const uint64_t *args, uint64_t *results) {
    function->module->runtime->machine.fuel = 0; /* the entry looks at the clock */
    return engine_stack_is_low() ? m3Err_trapStackOverflow : machine_call(function, args, results);
}

/* The value of a global, in 64 bits of which an i32 or an f32 has the low 32. */
static inline uint64_t engine_global(IM3Module module, uint32_t index) {
    const M3Global *global = &module->globals[index];
    const bool wide = global->type == c_m3Type_i64 || global->type == c_m3Type_f64;
    return wide ? (uint64_t)global->intValue : (uint32_t)global->intValue;
}

static inline void engine_set_global(IM3Module module, uint32_t index, uint64_t bits) {
    module->globals[index].intValue = (int64_t)bits;
}

static inline uint32_t engine_global_count(IM3Module module) {
    return module->numGlobals;
}

static inline bool engine_global_is_mutable(IM3Module module, uint32_t index) {
    return module->globals[index].isMutable;
}

static inline uint32_t engine_table_size(IM3Module module) {
    return module->table0Size;
}

/* The index of the function in an entry of the table; UINT32_MAX: none. */
static inline uint32_t engine_table_entry(IM3Module module, uint32_t index) {
    const M3Function *function = module->table0[index];
    return function != NULL ? (uint32_t)(function - module->functions) : UINT32_MAX;
}

/* To a size in bytes that memory.grow could have given it, never a smaller one. Its content is lost: old
 * and new memory need not be there at once. On WM_ENOMEM there is none, and the module must be unloaded.
 */
static inline wm_status engine_resize_memory(IM3Runtime engine, uint32_t bytes) {
    M3Memory *memory = &engine->memory;
    const uint32_t pages = bytes / d_m3MemPageSize;
    if (bytes == memory->mallocated->length) {
        return WM_OK;
    }
    if (bytes % d_m3MemPageSize != 0 || bytes < memory->mallocated->length || pages > memory->maxPages) {
        return WM_EINVAL;
    }
    arena_release(&engine_arena, memory->mallocated);
    memory->mallocated = NULL;
    memory->numPages = 0;
    if (ResizeMemory(engine, pages) != m3Err_none) {
        return WM_ENOMEM;
    }
    machine_set_memory(&engine->machine, (uint8_t *)(memory->mallocated + 1), bytes);
    return WM_OK;
}

#endif
#endif
