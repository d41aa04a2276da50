/* What the generated thunks stand on: arguments, results and views of guest memory. */
#ifndef WASMOTE_HOST_CALL_H
#define WASMOTE_HOST_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "config/wasm3_config.h"
#include "engine.h"
#include "runtime.h"
#include "wasm3.h"

struct host_import {
    const char *name, *signature; /* wasm3's spelling: result, then parameters: "i(iI)" */
    M3RawCall call;
};
extern const struct host_import host_imports[];
extern const size_t host_import_count;

/* Whether this host offers host_imports[import]: a module is granted only what its manifest names. */
bool host_grants(const struct host_api *host, size_t import);

struct host_export {
    const char *name, *signature;
    bool required;
};
extern const struct host_export host_exports[HOST_EXPORT_COUNT];

extern const char trap_view_outside_memory[];
extern const char trap_by_host[];

/* wasm3 hands arguments over as 64-bit slots of which only the type's bytes are defined. */
static inline uint32_t arg_u32(const uint64_t *args, size_t index) {
    uint32_t value;
    memcpy(&value, &args[index], sizeof value);
    return value;
}

static inline int32_t arg_i32(const uint64_t *args, size_t index) {
    return (int32_t)arg_u32(args, index);
}

static inline double arg_f64(const uint64_t *args, size_t index) {
    double value;
    memcpy(&value, &args[index], sizeof value);
    return value;
}

/* The host's memory behind (address, count * unit bytes), or NULL when that is not all inside the
 * guest's linear memory as it is now. A view may be all of that memory and take the host long, so the
 * clock is looked at right after the call and not many calls later. */
static inline uint8_t *guest_view(IM3Runtime engine, void *memory, uint32_t address, uint32_t count,
                                  uint32_t unit) {
    const uint64_t end = (uint64_t)address + (uint64_t)count * unit;
    engine_look_at_clock(engine);
    return end <= m3_GetMemorySize(engine) ? (uint8_t *)memory + address : NULL;
}

/* WM_ETRAP from the host is not an answer but a refusal: the guest traps. */
static inline const void *return_i32(uint64_t *results, int32_t value) {
    memcpy(&results[0], &value, sizeof value);
    return value == WM_ETRAP ? trap_by_host : NULL;
}

static inline const void *return_i64(uint64_t *results, int64_t value) {
    memcpy(&results[0], &value, sizeof value);
    return NULL;
}

static inline const void *return_f64(uint64_t *results, double value) {
    memcpy(&results[0], &value, sizeof value);
    return NULL;
}

#endif
