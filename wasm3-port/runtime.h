/* The one interface between the firmware and the Wasm engine: load, run, stop a module.
 * The firmware knows nothing else of the engine; this folder knows nothing of CoAP, flash or
 * boards. One `struct runtime` is one live module: its own engine environment, linear memory,
 * operand stack and code pages, all from one fixed arena, all given back by runtime_unload(). */
#ifndef WASMOTE_RUNTIME_H
#define WASMOTE_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "host_api.h" /* generated from host_api.toml: struct host_api, the functions a guest may call */

#define RUNTIME_PAGE_BYTES 16384u /* Wasm custom page size, log2 = 14 */
#define RUNTIME_ABI_VERSION 1u

struct runtime_limits {
    uint32_t memory_pages; /* most linear memory, in 16 KiB pages */
    uint32_t memory_bytes; /* trimmed: no more than these bytes, which never grow; 0 = whole pages */
    uint32_t stack_bytes;  /* Wasm operand stack */
    uint32_t budget_us;    /* time budget of one event */
    uint32_t sample_bytes; /* largest on_sample payload, asked of the guest's wasmote_buffer at load */
};

struct runtime_usage {
    uint32_t memory_bytes;    /* linear memory now */
    uint32_t arena_bytes;     /* everything this module holds of the arena, linear memory included */
    uint32_t predicted_bytes; /* what it was expected to hold, before it was loaded */
};

/* All state of one live module; treat as opaque. Zero-initialise before first use. */
struct runtime {
    void *environment, *engine, *module; /* the engine's; NULL while nothing is loaded */
    void *exports[HOST_EXPORT_COUNT];    /* functions; NULL where the module has none */
    uint32_t sample_ptr, sample_bytes;   /* the guest's buffer for samples */
    uint32_t budget_us;
    uint32_t arena_bytes, predicted_bytes;
    bool trapped;
    const struct host_api *host;
    void *host_context;
};

/* How modules are bounded in time and native stack. Both once, before the first load, which is
 * refused without them. now_us: monotonic microseconds. lowest: the lowest address that the stack
 * of the thread that runs modules may reach; a reserve for interrupts is added here. */
void runtime_set_clock(uint64_t (*now_us)(void));
void runtime_set_native_stack(const void *lowest);

/* Gives the engine its arena. Once, before the first load. `bytes` is 8-byte aligned. */
void runtime_arena_init(void *bytes, size_t len);
/* Another memory besides, at a higher address. */
void runtime_arena_add(void *bytes, size_t len);
size_t runtime_arena_free(void);

/* Parses, checks, links and compiles every function of a module, and sets up its memory; runs
 * nothing yet. wasm is not needed any more when this returns. On error the arena is as before and
 * `why` holds a sentence for a person ("imports env.foo, which this node does not offer").
 * WM_EINVAL: does not parse / wrong type or missing export; WM_ENOENT: unknown import; WM_EPERM: an
 * import that is NULL in host; WM_ENOMEM: needs more than the arena or the limits have (said before
 * anything is built, with the numbers, and runtime_usage() tells predicted_bytes); WM_ENOTSUP: uses a
 * feature this engine lacks. Of the guest's code only wasmote_buffer() runs. */
wm_status runtime_load(struct runtime *rt, const uint8_t *wasm, size_t len,
                       const struct runtime_limits *limits, const struct host_api *host,
                       void *host_context, char *why, size_t why_cap);

/* The events. Each runs at most budget_us; over it, or on any trap: WM_EBUDGET / WM_ETRAP with
 * `why` ("out of bounds memory access in on_sample"). After a trap the module must be unloaded.
 * An export that the module lacks is WM_OK. */
wm_status runtime_start(struct runtime *rt, char *why, size_t why_cap); /* Wasm start, then on_start() */
wm_status runtime_on_sample(struct runtime *rt, uint32_t input, int64_t time_ms, const float *values,
                            size_t count, char *why, size_t why_cap);
wm_status runtime_on_tick(struct runtime *rt, int64_t now_ms, char *why, size_t why_cap);
wm_status runtime_on_config(struct runtime *rt, const uint8_t *cbor, size_t len, char *why,
                            size_t why_cap);

bool runtime_wants_tick(const struct runtime *rt);
bool runtime_is_loaded(const struct runtime *rt);
void runtime_usage(const struct runtime *rt, struct runtime_usage *out);

/* The guest's declared state (exports wasmote_state() -> address, wasmote_state_size() -> bytes):
 * a pointer into linear memory valid until the next event; NULL when the module declares none or
 * declares nonsense. Taken and set between events. */
uint8_t *runtime_state(struct runtime *rt, size_t *len);

/* How large it says that it is, before it was started too; 0 without the export. An event. */
wm_status runtime_state_size(struct runtime *rt, uint32_t *size, char *why, size_t why_cap);

/* Hands the state of a version with another schema to the export migrate(), through the guest's buffer.
 * *took: it says that it has taken it; false as well when there is no such export. An event. */
wm_status runtime_migrate(struct runtime *rt, const uint8_t *state, size_t len, const char *schema,
                          bool *took, char *why, size_t why_cap);

/* Everything that events have changed, to be read and put back between events, in place. A module that
 * is given a snapshot's memory and globals goes on as the one it was taken from, whatever the core. */

/* Linear memory as it is now. */
const uint8_t *runtime_snapshot_memory(const struct runtime *rt, uint32_t *len);

/* Gives the memory the size it had grown to; its content is lost. WM_EINVAL: a size that this module
 * cannot have. WM_ENOMEM: the module must be unloaded. */
wm_status runtime_snapshot_resize(struct runtime *rt, uint32_t len);
void runtime_snapshot_clear(struct runtime *rt); /* all of the memory to zero */
wm_status runtime_snapshot_write(struct runtime *rt, uint32_t address, const uint8_t *bytes, size_t len);

/* Globals, by index: `bits` are the value, of which an i32 or an f32 has the low 32. False, WM_EINVAL:
 * there is no such global, or it cannot change. */
uint32_t runtime_snapshot_globals(const struct runtime *rt);
bool runtime_snapshot_global(const struct runtime *rt, uint32_t index, uint64_t *bits);
wm_status runtime_snapshot_set_global(struct runtime *rt, uint32_t index, uint64_t bits);

/* The table: the function index behind each entry, or RUNTIME_NO_FUNCTION. */
#define RUNTIME_NO_FUNCTION UINT32_MAX
uint32_t runtime_snapshot_table(const struct runtime *rt);
uint32_t runtime_snapshot_entry(const struct runtime *rt, uint32_t index);

/* A block of the arena for as long as a module is replaced or restored, with a copy of bytes (may be
 * NULL). NULL: no room. */
uint8_t *runtime_keep(const uint8_t *bytes, size_t len);
void runtime_drop(uint8_t *kept);

/* Frees everything the module held. Safe on a zeroed or failed one. */
void runtime_unload(struct runtime *rt);

#endif
