/* ../engine.c and ../machine/ for an unpatched wasm3: its memory comes from the arena, but nothing
 * bounds the time and the native stack of a module. For comparison only. */
#include "stock/engine_compat.h"

#include "host_call.h"
#include "runtime_build.h"

struct arena engine_arena;

const char trap_time_budget[] = "time budget exceeded";
const char trap_view_outside_memory[] = "host call with a view outside linear memory";
const char trap_by_host[] = "host call that is not allowed here";

/* ---- what the firmware says once -------------------------------------------------------------- */

void runtime_arena_init(void *bytes, size_t len) {
    arena_init(&engine_arena, bytes, len);
}

size_t runtime_arena_free(void) {
    return engine_arena.size - engine_arena.used;
}

void runtime_set_clock(uint64_t (*now_us)(void)) {
    (void)now_us;
}

void runtime_set_native_stack(const void *lowest) {
    (void)lowest;
}

bool engine_is_ready(void) {
    return engine_arena.base != NULL;
}

/* ---- the bounds that are not there ------------------------------------------------------------ */

void engine_start_budget(uint32_t budget_us) {
    (void)budget_us;
}

bool engine_stack_is_low(void) {
    return false;
}

void engine_look_at_clock(IM3Runtime engine) {
    (void)engine;
}

/* Unknown: code pages, compiler and constants of such a wasm3 are not ours to foretell. */
struct runtime_needs runtime_needs_of(const uint8_t *wasm, size_t len,
                                      const struct runtime_limits *limits,
                                      const struct validate_facts *facts,
                                      const struct module_facts *module) {
    (void)wasm, (void)len, (void)limits, (void)facts, (void)module;
    return (struct runtime_needs){.total_bytes = 0};
}

/* ---- compiling, all at once ------------------------------------------------------------------- */

static M3Result compile_function(IM3Function function) {
    const bool is_import = function->wasm == NULL;
    return is_import || function->compiled != NULL ? m3Err_none : CompileFunction(function);
}

enum machine_fault machine_compile(struct M3Module *module, const struct machine_needs *needs) {
    M3Result result = m3Err_none;
    (void)needs;
    for (uint32_t i = 0; i < module->numFunctions && result == m3Err_none; i++) {
        result = compile_function(&module->functions[i]);
    }
    if (result == m3Err_none) {
        return MACHINE_OK;
    }
    const bool memory = result == m3Err_mallocFailed || result == m3Err_mallocFailedCodePage;
    return memory ? MACHINE_NO_MEMORY
                  : MACHINE_FRAME_TOO_LARGE; /* its limits are on slots and constants */
}

/* ---- memory: stock.mk gives the C library's functions these names in wasm3 --------------------- */

void *stock_calloc(size_t count, size_t size);
void *stock_realloc(void *block, size_t size);
void stock_free(void *block);

void *stock_calloc(size_t count, size_t size) {
    return arena_alloc(&engine_arena, count * size); /* wasm3 calls it with a count or a size of 1 */
}

void *stock_realloc(void *block, size_t size) {
    return arena_resize(&engine_arena, block, size);
}

void stock_free(void *block) {
    arena_release(&engine_arena, block);
}
