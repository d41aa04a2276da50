/* A module on its own, without what a node asks of one: any imports that are functions, any exports, a
 * memory or none. It is built as runtime_load() builds one. For tests and benchmarks; no firmware has
 * it. Unload with runtime_unload(&bare->rt). */
#ifndef WASMOTE_RUNTIME_BARE_H
#define WASMOTE_RUNTIME_BARE_H

#include "runtime.h"

/* A value is 64 bits, of which an i32 or an f32 has the low 32. */
struct bare_import {
    const char *module, *name, *signature; /* result, then parameters: "i(iI)"; see host_call.h */
    /* args and results in their order. NULL, or the trap, words that last. */
    const char *(*call)(void *context, const uint64_t *args, uint64_t *results);
    void *context;
};

struct runtime_bare {
    struct runtime rt;
    const uint8_t *wasm; /* looked at again for the names of exports */
    size_t len;
    const struct bare_import *imports;
    size_t import_count;
    const char *trap; /* of the last call, in the engine's words; NULL when it returned */
};

struct bare_values {
    uint64_t bits[16];
    uint32_t count;
};

/* wasm and imports stay until the module is unloaded. As runtime_load() otherwise. */
wm_status runtime_load_bare(struct runtime_bare *bare, const uint8_t *wasm, size_t len,
                            const struct runtime_limits *limits, const struct bare_import *imports,
                            size_t import_count, char *why, size_t why_cap);

/* The module's start function, if it has one. */
wm_status runtime_bare_start(struct runtime_bare *bare, char *why, size_t why_cap);

/* Calls an export; the name may hold any bytes. WM_ENOENT: no such function; WM_EINVAL: other
 * arguments than it takes; WM_ETRAP, WM_EBUDGET with the trap in why. Another call is allowed then. */
wm_status runtime_invoke(struct runtime_bare *bare, const uint8_t *name, size_t name_len,
                         const struct bare_values *args, struct bare_values *results, char *why,
                         size_t why_cap);

/* An exported global. WM_ENOENT: there is none of this name. */
wm_status runtime_get_global(struct runtime_bare *bare, const uint8_t *name, size_t name_len,
                             uint64_t *bits);

#endif
