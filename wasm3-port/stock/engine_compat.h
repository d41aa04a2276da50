/* For comparison only: an unpatched wasm3 behind runtime.h. It takes no care of hostile modules: their
 * time and native stack have no bounds here. What depends on the version of such a wasm3 is in this
 * folder. */
#ifndef WASMOTE_STOCK_ENGINE_COMPAT_H
#define WASMOTE_STOCK_ENGINE_COMPAT_H

#include <stdint.h>
#include <string.h>

#include "config/wasm3_config.h"
#include "core/status.h"
#include "engine.h"
#include "machine/machine.h" /* machine_compile()'s type: engine.c has another one of that name */
#include "m3_env.h"
#include "runtime.h"
#include "validate.h"
#include "wasm3.h"

#define STOCK_VALUES_MAX 16 /* parameters or results of a function that C calls */

static inline IM3Function engine_function(IM3Module module, uint32_t index) {
    return Module_GetFunction(module, index);
}

static inline IM3Function engine_start_function(IM3Module module) {
    return module->startFunction >= 0 ? &module->functions[module->startFunction] : NULL;
}

static inline void engine_limit_memory(IM3Runtime engine, uint32_t pages) {
    if (engine->memory.maxPages > pages) {
        engine->memory.maxPages = pages;
    }
}

static inline void engine_trim_memory(IM3Runtime engine, uint32_t bytes) {
    engine->memoryLimit = bytes;
}

static inline enum machine_fault engine_compile(IM3Module module, const struct validate_facts *facts) {
    (void)facts;
    return machine_compile(module, NULL);
}

static inline const char *engine_call(IM3Function function, const uint64_t *args, uint64_t *results) {
    const void *from[STOCK_VALUES_MAX], *to[STOCK_VALUES_MAX];
    const uint32_t arg_count = m3_GetArgCount(function), result_count = m3_GetRetCount(function);
    if (arg_count > STOCK_VALUES_MAX || result_count > STOCK_VALUES_MAX) {
        return m3Err_argumentCountMismatch;
    }
    for (uint32_t i = 0; i < arg_count; i++) {
        from[i] = &args[i];
    }
    for (uint32_t i = 0; i < result_count; i++) {
        results[i] = 0;
        to[i] = &results[i];
    }
    const M3Result trap = m3_Call(function, arg_count, from);
    return trap != m3Err_none ? trap : m3_GetResults(function, result_count, to);
}

/* Its value is a union, whose members have other names in other versions; all begin at the same byte. */
static inline uint64_t engine_global(IM3Module module, uint32_t index) {
    const M3Global *global = &module->globals[index];
    const bool wide = global->type == c_m3Type_i64 || global->type == c_m3Type_f64;
    uint64_t bits;
    memcpy(&bits, &global->f64Value, sizeof bits);
    return wide ? bits : (uint32_t)bits;
}

static inline void engine_set_global(IM3Module module, uint32_t index, uint64_t bits) {
    memcpy(&module->globals[index].f64Value, &bits, sizeof bits);
}

static inline uint32_t engine_global_count(IM3Module module) {
    return module->numGlobals;
}

static inline bool engine_global_is_mutable(IM3Module module, uint32_t index) {
    return module->globals[index].isMutable;
}

#if M3_VERSION_MAJOR == 0 && M3_VERSION_MINOR <= 5
static inline uint32_t engine_table_size(IM3Module module) {
    return module->table0Size;
}

static inline uint32_t engine_table_entry(IM3Module module, uint32_t index) {
    const M3Function *function = module->table0[index];
    return function != NULL ? (uint32_t)(function - module->functions) : UINT32_MAX;
}
#else
static inline uint32_t engine_table_size(IM3Module module) {
    return module->numTables > 0 ? module->tables[0].size : 0;
}

static inline uint32_t engine_table_entry(IM3Module module, uint32_t index) {
    const M3Function *function = module->tables[0].elements[index];
    return function != NULL ? (uint32_t)(function - module->functions) : UINT32_MAX;
}
#endif

static inline wm_status engine_resize_memory(IM3Runtime engine, uint32_t bytes) {
    const uint32_t held = m3_GetMemorySize(engine), pages = bytes / RUNTIME_PAGE_BYTES;
    if (bytes == held) {
        return WM_OK;
    }
    if (bytes % RUNTIME_PAGE_BYTES != 0 || bytes < held || pages > engine->memory.maxPages) {
        return WM_EINVAL;
    }
    return ResizeMemory(engine, pages) == m3Err_none ? WM_OK : WM_ENOMEM;
}

#endif
