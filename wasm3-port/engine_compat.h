/* Everything that depends on wasm3's internals and thus on its version (0.5.0; WASM3_DIR may name
 * another tree). Nothing else in this folder includes an m3_*.h file. */
#ifndef WASMOTE_ENGINE_COMPAT_H
#define WASMOTE_ENGINE_COMPAT_H

#include <stdint.h>

#include "config/wasm3_config.h"
#include "m3_env.h"
#include "wasm3.h"

static inline uint32_t engine_function_count(IM3Module module) {
    return module->numFunctions;
}

static inline IM3Function engine_function(IM3Module module, uint32_t index) {
    return Module_GetFunction(module, index);
}

/* Compiles a function that is not an import. */
static inline M3Result engine_compile(IM3Function function) {
    return function->compiled != NULL ? m3Err_none : CompileFunction(function);
}

/* What memory.grow may reach. The module's own maximum, when lower, stays. */
static inline void engine_limit_memory(IM3Runtime engine, uint32_t pages) {
    if (engine->memory.maxPages > pages) {
        engine->memory.maxPages = pages;
    }
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

#endif
