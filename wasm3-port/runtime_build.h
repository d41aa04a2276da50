/* The common part of loading: runtime_load.c for a node, runtime_bare.c for tests. */
#ifndef WASMOTE_RUNTIME_BUILD_H
#define WASMOTE_RUNTIME_BUILD_H

#include "module_check.h"
#include "runtime.h"
#include "text.h"
#include "validate.h"

struct runtime_surroundings {
    struct module_surroundings module;
    wm_status (*link)(struct runtime *rt, const void *context, struct text *why); /* the imports */
};

struct runtime_needs {
    uint32_t memory_bytes, stack_bytes, code_bytes, other_bytes; /* with what the arena adds */
    uint32_t total_bytes;
};

/* At least what the module will hold of the arena. */
struct runtime_needs runtime_needs_of(const uint8_t *wasm, size_t len,
                                      const struct runtime_limits *limits,
                                      const struct validate_facts *facts,
                                      const struct module_facts *module);

/* Checks, parses, links and compiles. After an error what was built waits for runtime_unload(). */
wm_status runtime_build(struct runtime *rt, const uint8_t *wasm, size_t len,
                        const struct runtime_limits *limits, const struct runtime_surroundings *around,
                        struct text *why);

#endif
