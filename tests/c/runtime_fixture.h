/* A host for the runtime's tests: a fake clock, host functions that record, an arena. */
#ifndef RUNTIME_FIXTURE_H
#define RUNTIME_FIXTURE_H

#include "cmocka_all.h"

#include <stdbool.h>
#include <string.h>

#include "runtime.h"
#include "runtime_modules.h" /* made by embed_wat.py */

#ifndef ARENA_BYTES
#define ARENA_BYTES (96 * 1024)
#endif
#define CLOCK_STEP_US 100 /* how far the clock moves each time it is read */

static _Alignas(8) uint8_t arena_bytes[ARENA_BYTES];
static uint64_t clock_us;
static struct runtime rt;
static char why[160];

/* What the guest did. */
static struct {
    unsigned emits, logs;
    int32_t stream, emit_answer, log_level;
    uint8_t bytes[64];
    uint32_t len;
    uint8_t earlier[64]; /* the emission before */
    uint32_t earlier_len;
    char text[32];
    const void *lowest_stack;
} seen;

static inline uint64_t fake_clock(void) {
    return clock_us += CLOCK_STEP_US;
}

static inline int32_t host_sensor_read(void *context, int32_t input, uint8_t *values, uint32_t cap) {
    const float reading[2] = {1.5f, (float)input};
    assert_ptr_equal(context, &seen);
    assert_true(cap >= 2);
    memcpy(values, reading, sizeof reading);
    return 2;
}

static inline int32_t host_emit(void *context, int32_t stream, const uint8_t *bytes, uint32_t len) {
    assert_ptr_equal(context, &seen);
    memcpy(seen.earlier, seen.bytes, sizeof seen.earlier);
    seen.earlier_len = seen.len;
    seen.emits++;
    seen.stream = stream;
    seen.len = len;
    memcpy(seen.bytes, bytes, len < sizeof seen.bytes ? len : sizeof seen.bytes);
    return seen.emit_answer;
}

static inline void host_log(void *context, int32_t level, const char *text, uint32_t len) {
    (void)context;
    seen.logs++;
    seen.log_level = level;
    memcpy(seen.text, text, len < sizeof seen.text ? len : sizeof seen.text);
}

static inline int64_t host_now_ms(void *context) {
    (void)context;
    seen.lowest_stack = __builtin_frame_address(0);
    return -1000;
}

static inline double host_config_get(void *context, const char *key, uint32_t len, double fallback) {
    (void)context;
    return len == 4 && memcmp(key, "gain", 4) == 0 ? fallback * 2 : -1;
}

static inline void host_random(void *context, uint8_t *out, uint32_t cap) {
    (void)context;
    memset(out, 0x5a, cap);
}

static const struct host_api host = {
    .sensor_read = host_sensor_read,
    .emit = host_emit,
    .log = host_log,
    .now_ms = host_now_ms,
    .config_get = host_config_get,
    .random = host_random,
};

static const struct runtime_limits limits = {
    .memory_pages = 3,
    .stack_bytes = 2048,
    .budget_us = 50000,
    .sample_bytes = 64,
};

static inline int setup(void **state) {
    (void)state;
    memset(&seen, 0, sizeof seen);
    memset(&rt, 0, sizeof rt);
    runtime_arena_init(arena_bytes, sizeof arena_bytes);
    runtime_set_clock(fake_clock);
    runtime_set_native_stack((const uint8_t *)__builtin_frame_address(0) - 512 * 1024);
    return 0;
}

/* Every test ends with nothing left in the arena. */
static inline int teardown(void **state) {
    (void)state;
    runtime_unload(&rt);
    assert_int_equal(runtime_arena_free(), sizeof arena_bytes);
    return 0;
}

static inline wm_status load_with(const uint8_t *wasm, size_t len, const struct runtime_limits *use) {
    return runtime_load(&rt, wasm, len, use, &host, &seen, why, sizeof why);
}

#define LOAD(name) load_with(wasm_##name, sizeof wasm_##name, &limits)
#define ASSERT_LOADS(name)                                                                              \
    do {                                                                                                \
        const wm_status loaded = LOAD(name);                                                            \
        if (loaded != WM_OK) {                                                                          \
            fail_msg("%s: %s", #name, why);                                                             \
        }                                                                                               \
    } while (0)

static inline wm_status sample(uint32_t input) {
    const float values[2] = {0.0f, 2.5f};
    return runtime_on_sample(&rt, input, 1234, values, 2, why, sizeof why);
}

static inline uint32_t word(const uint8_t *bytes, size_t index) {
    uint32_t value;
    memcpy(&value, bytes + 4 * index, sizeof value);
    return value;
}

#endif
