/* The events of a loaded module: arguments in, traps out, every one of them on a budget. */
#include <string.h>

#include "engine.h"
#include "engine_compat.h"
#include "host_call.h"
#include "runtime_call.h"
#include "text.h"

#define TRAP_PREFIX "[trap] " /* wasm3's traps begin with it */

static wm_status report_trap(struct runtime *rt, const char *where, const char *trap, struct text *why) {
    const size_t prefix = sizeof TRAP_PREFIX - 1;
    rt->trapped = true;
    text_add(why, strncmp(trap, TRAP_PREFIX, prefix) == 0 ? trap + prefix : trap);
    text_add(why, " in ");
    text_add(why, where);
    if (trap != trap_time_budget) {
        return WM_ETRAP;
    }
    text_add(why, ": more than ");
    text_add_number(why, rt->budget_us);
    text_add(why, " us");
    return WM_EBUDGET;
}

static wm_status check_runnable(const struct runtime *rt, struct text *why) {
    if (rt->module == NULL) {
        text_add(why, "no module is loaded");
        return WM_EINVAL;
    }
    if (rt->trapped) {
        text_add(why, "it has trapped before and must be loaded again");
        return WM_ETRAP;
    }
    return WM_OK;
}

/* The guest may grow its memory: what it holds of the arena is counted again after each call. */
static const char *call_counted(struct runtime *rt, IM3Function function, const uint64_t *args,
                                uint64_t *result) {
    const uint32_t before = engine_arena.used;
    engine_start_budget(rt->budget_us);
    const char *trap = engine_call(function, args, result);
    rt->arena_bytes += engine_arena.used - before;
    return trap;
}

/* Calls an export with arguments that match its signature. An absent one is WM_OK, and results in 0. */
static wm_status call(struct runtime *rt, enum host_export_id id, const uint64_t *args, uint32_t *result,
                      struct text *why) {
    const wm_status status = check_runnable(rt, why);
    uint64_t word = 0;
    *result = 0;
    if (status != WM_OK || rt->exports[id] == NULL) {
        return status;
    }
    const char *trap = call_counted(rt, rt->exports[id], args, &word);
    if (trap != NULL) {
        return report_trap(rt, host_exports[id].name, trap, why);
    }
    *result = (uint32_t)word;
    return WM_OK;
}

/* Host address of guest bytes, NULL when they are not all inside linear memory. */
static uint8_t *guest_bytes(const struct runtime *rt, uint32_t address, size_t len) {
    uint32_t size = 0;
    uint8_t *memory = m3_GetMemory(rt->engine, &size, 0);
    return memory != NULL && len <= size && address <= size - len ? memory + address : NULL;
}

wm_status runtime_ask_buffer(struct runtime *rt, uint32_t size, uint32_t *address, struct text *why) {
    const uint64_t args[] = {size};
    const wm_status status = call(rt, EXPORT_WASMOTE_BUFFER, args, address, why);
    if (status != WM_OK) {
        return status;
    }
    if (*address == 0 || guest_bytes(rt, *address, size) == NULL) {
        text_add(why, "wasmote_buffer gave no room for ");
        text_add_number(why, size);
        text_add(why, " bytes");
        return WM_EINVAL;
    }
    return WM_OK;
}

wm_status runtime_start(struct runtime *rt, char *why, size_t why_cap) {
    struct text text = text_in(why, why_cap);
    const wm_status status = check_runnable(rt, &text);
    if (status != WM_OK) {
        return status;
    }
    IM3Function start = engine_start_function(rt->module);
    const char *trap = start != NULL ? call_counted(rt, start, NULL, NULL) : NULL;
    if (trap != NULL) {
        return report_trap(rt, "the start function", trap, &text);
    }
    uint32_t none;
    return call(rt, EXPORT_ON_START, NULL, &none, &text);
}

wm_status runtime_on_sample(struct runtime *rt, uint32_t input, int64_t time_ms, const float *values,
                            size_t count, char *why, size_t why_cap) {
    struct text text = text_in(why, why_cap);
    const size_t bytes = count * sizeof(float);
    if (count > rt->sample_bytes / sizeof(float)) {
        text_add(&text, "the sample is larger than the guest's buffer");
        return WM_EINVAL;
    }
    uint8_t *buffer = guest_bytes(rt, rt->sample_ptr, bytes);
    if (buffer == NULL) {
        text_add(&text, "the guest's buffer has left its memory");
        return WM_EINVAL;
    }
    memcpy(buffer, values, bytes); /* IEEE 754, little endian: what the guest expects */
    const uint64_t args[] = {input, (uint64_t)time_ms, rt->sample_ptr, count};
    uint32_t none;
    return call(rt, EXPORT_ON_SAMPLE, args, &none, &text);
}

wm_status runtime_on_tick(struct runtime *rt, int64_t now_ms, char *why, size_t why_cap) {
    struct text text = text_in(why, why_cap);
    const uint64_t args[] = {(uint64_t)now_ms};
    uint32_t none;
    return call(rt, EXPORT_ON_TICK, args, &none, &text);
}

wm_status runtime_on_config(struct runtime *rt, const uint8_t *cbor, size_t len, char *why,
                            size_t why_cap) {
    struct text text = text_in(why, why_cap);
    const uint32_t size = (uint32_t)len;
    uint32_t address;
    if (rt->exports[EXPORT_ON_CONFIG] == NULL) {
        return check_runnable(rt, &text);
    }
    const wm_status status = runtime_ask_buffer(rt, size, &address, &text);
    if (status != WM_OK) {
        return status;
    }
    memcpy(guest_bytes(rt, address, len), cbor, len);
    const uint64_t args[] = {address, size};
    uint32_t none;
    return call(rt, EXPORT_ON_CONFIG, args, &none, &text);
}

wm_status runtime_migrate(struct runtime *rt, const uint8_t *state, size_t len, const char *schema,
                          bool *took, char *why, size_t why_cap) {
    struct text text = text_in(why, why_cap);
    const uint32_t size = (uint32_t)len, schema_len = (uint32_t)strlen(schema);
    uint32_t address, answer;
    *took = false;
    if (rt->exports[EXPORT_MIGRATE] == NULL) {
        return check_runnable(rt, &text);
    }
    const wm_status status = runtime_ask_buffer(rt, size + schema_len + 1, &address, &text);
    if (status != WM_OK) {
        return status;
    }
    uint8_t *buffer = guest_bytes(rt, address, size + schema_len + 1);
    memcpy(buffer, state, size);
    memcpy(buffer + size, schema, schema_len + 1);
    const uint64_t args[] = {address, size, address + size, schema_len};
    const wm_status called = call(rt, EXPORT_MIGRATE, args, &answer, &text);
    *took = called == WM_OK && answer != 0;
    return called;
}

bool runtime_wants_tick(const struct runtime *rt) {
    return rt->exports[EXPORT_ON_TICK] != NULL;
}

bool runtime_is_loaded(const struct runtime *rt) {
    return rt->module != NULL;
}

void runtime_usage(const struct runtime *rt, struct runtime_usage *out) {
    *out =
        (struct runtime_usage){.arena_bytes = rt->arena_bytes, .predicted_bytes = rt->predicted_bytes};
    if (rt->module != NULL) {
        out->memory_bytes = m3_GetMemorySize(rt->engine);
    }
}

uint8_t *runtime_state(struct runtime *rt, size_t *len) {
    struct text nowhere = text_in(NULL, 0);
    uint32_t address, size;
    *len = 0;
    if (call(rt, EXPORT_WASMOTE_STATE, NULL, &address, &nowhere) != WM_OK ||
        call(rt, EXPORT_WASMOTE_STATE_SIZE, NULL, &size, &nowhere) != WM_OK || size == 0) {
        return NULL;
    }
    uint8_t *bytes = guest_bytes(rt, address, size);
    *len = bytes != NULL ? size : 0;
    return bytes;
}

wm_status runtime_state_size(struct runtime *rt, uint32_t *size, char *why, size_t why_cap) {
    struct text text = text_in(why, why_cap);
    *size = 0;
    return call(rt, EXPORT_WASMOTE_STATE_SIZE, NULL, size, &text);
}
