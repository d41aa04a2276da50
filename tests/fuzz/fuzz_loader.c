/* The Wasm loader and a bounded run: a module, or, since most damaged modules die in the parser, code
 * for the functions of a good one. Refused or trapped is fine; a sanitizer's report is not. */
#include "fuzz.h"

#include <string.h>

#include "runtime.h"

#define ARENA_BYTES (96 * 1024)
#define NATIVE_STACK (256 * 1024)
#define CLOCK_STEP_US 1000 /* each look at the clock: a run ends after budget / step looks */
#define BODY_MAX 2048

static _Alignas(8) uint8_t arena[ARENA_BYTES];
static uint64_t clock_us;
static uint8_t wasm[BODY_MAX + 512];
static size_t wasm_len;

static const struct runtime_limits limits = {
    .memory_pages = 2, .stack_bytes = 2048, .budget_us = 50000, .sample_bytes = 64};

/* ---- a host that reads all it is given -------------------------------------------------- */

static uint64_t fake_clock(void) {
    return clock_us += CLOCK_STEP_US;
}

static volatile uint8_t sink;

static void look_at(const void *bytes, uint32_t len) {
    for (uint32_t i = 0; i < len; i++) {
        sink ^= ((const uint8_t *)bytes)[i];
    }
}

static int32_t host_sensor_read(void *context, int32_t input, uint8_t *values, uint32_t cap) {
    (void)context;
    memset(values, (int)input, cap * sizeof(float));
    return (int32_t)cap;
}

static int32_t host_emit(void *context, int32_t stream, const uint8_t *bytes, uint32_t len) {
    (void)context;
    look_at(bytes, len);
    return stream;
}

static void host_log(void *context, int32_t level, const char *text, uint32_t len) {
    (void)context;
    (void)level;
    look_at(text, len);
}

static int64_t host_now_ms(void *context) {
    (void)context;
    return 1;
}

static double host_config_get(void *context, const char *key, uint32_t len, double fallback) {
    (void)context;
    look_at(key, len);
    return fallback;
}

static void host_random(void *context, uint8_t *out, uint32_t cap) {
    (void)context;
    memset(out, 0x5a, cap);
}

static const struct host_api host = {.sensor_read = host_sensor_read,
                                     .emit = host_emit,
                                     .log = host_log,
                                     .now_ms = host_now_ms,
                                     .config_get = host_config_get,
                                     .random = host_random};

/* ---- a module around code --------------------------------------------------------------- */

/* Everything in front of the code section: a few types, the import of emit, a table, a memory of one
 * 16 KiB page, two globals, the exports. Sections: Wasm core specification 5.5. */
/* clang-format off */
static const uint8_t front[] = {
    0, 'a', 's', 'm', 1, 0, 0, 0,
    /* type: ()->(), (i32)->i32, (i32 i64 i32 i32)->(), (i64)->(), (i32 i32 i32)->i32, (f32 f64)->f64 */
    1, 33, 6, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 4, 0x7f, 0x7e, 0x7f, 0x7f, 0, 0x60, 1, 0x7e, 0,
    0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f, 0x60, 2, 0x7d, 0x7c, 1, 0x7c,
    /* import: wasmote.emit, of type 4 */
    2, 16, 1, 7, 'w', 'a', 's', 'm', 'o', 't', 'e', 4, 'e', 'm', 'i', 't', 0, 4,
    /* function: 1 wasmote_buffer, 2 on_start, 3 on_sample, 4 of floats */
    3, 5, 4, 1, 0, 2, 5,
    /* table: 4 funcref; memory: 1 to 2 pages of 2^14 bytes */
    4, 4, 1, 0x70, 0, 4, 5, 5, 1, 0x09, 1, 2, 14,
    /* global: (mut i32) 7, (mut f64) 0 */
    6, 18, 2, 0x7f, 1, 0x41, 7, 0x0b, 0x7c, 1, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b,
    /* export */
    7, 50, 4, 6, 'm', 'e', 'm', 'o', 'r', 'y', 2, 0,
    14, 'w', 'a', 's', 'm', 'o', 't', 'e', '_', 'b', 'u', 'f', 'f', 'e', 'r', 0, 1,
    8, 'o', 'n', '_', 's', 't', 'a', 'r', 't', 0, 2, 9, 'o', 'n', '_', 's', 'a', 'm', 'p', 'l', 'e', 0, 3,
    /* element: table[0..] = 1 2 3 4 */
    9, 10, 1, 0, 0x41, 0, 0x0b, 4, 1, 2, 3, 4};
/* clang-format on */

static void put(const void *bytes, size_t len) {
    memcpy(wasm + wasm_len, bytes, len);
    wasm_len += len;
}

/* A length as LEB128 of always three bytes, so that it may be written before it is known. */
static void set_leb(size_t at, size_t value) {
    wasm[at] = (uint8_t)(value | 0x80);
    wasm[at + 1] = (uint8_t)(value >> 7 | 0x80);
    wasm[at + 2] = (uint8_t)(value >> 14 & 0x7f);
}

static size_t put_leb_later(void) {
    wasm_len += 3;
    return wasm_len - 3;
}

/* One function: locals are one of each type, the code is the input's, with its end. */
static void put_function(const uint8_t *code, size_t len) {
    static const uint8_t locals[] = {4, 1, 0x7f, 1, 0x7e, 1, 0x7d, 1, 0x7c}, end = 0x0b;
    size_t size_at = put_leb_later(), start = wasm_len;
    put(locals, sizeof locals);
    put(code, len);
    put(&end, 1);
    set_leb(size_at, wasm_len - start);
}

static void wrap(struct fuzz_input *input) {
    static const uint8_t head = 10, count = 4, buffer[] = {0x41, 0x80, 0x08}; /* i32.const 1024 */
    wasm_len = 0;
    put(front, sizeof front);
    put(&head, 1);
    size_t size_at = put_leb_later(), start = wasm_len;
    put(&count, 1);
    put_function(buffer, sizeof buffer);
    for (int left = 3; left > 0; left--) {
        size_t wanted = left > 1 ? fuzz_u8(input) : BODY_MAX / 2, len;
        const uint8_t *code = fuzz_bytes(input, wanted, &len);
        put_function(code, len);
    }
    set_leb(size_at, wasm_len - start);
}

/* ---- its life --------------------------------------------------------------------------- */

static void run(struct runtime *rt) {
    static const float values[] = {1.0f, -0.0f, 3e38f};
    char why[160];
    if (runtime_start(rt, why, sizeof why) == WM_OK &&
        runtime_on_sample(rt, 0, 1234, values, 3, why, sizeof why) == WM_OK &&
        runtime_on_tick(rt, 5, why, sizeof why) == WM_OK) {
        size_t len;
        const uint8_t *state = runtime_state(rt, &len);
        if (state != NULL) {
            look_at(state, (uint32_t)len);
        }
    }
}

static void live(const uint8_t *module, size_t len) {
    struct runtime rt = {0};
    char why[160];
    runtime_arena_init(arena, sizeof arena);
    runtime_set_clock(fake_clock);
    runtime_set_native_stack((const uint8_t *)__builtin_frame_address(0) - NATIVE_STACK);
    if (runtime_load(&rt, module, len, &limits, &host, NULL, why, sizeof why) == WM_OK) {
        run(&rt);
    }
    runtime_unload(&rt);
    FUZZ_CHECK(runtime_arena_free() == sizeof arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, data + size};
    if (size > 0 && data[0] == front[0]) {
        live(data, size);
    } else if (fuzz_left(&input) > 1) {
        (void)fuzz_u8(&input);
        wrap(&input);
        live(wasm, wasm_len);
    }
    return 0;
}
