/* Calls itself for ever when the value is negative; echoes any other. */
#include <wasmote.h>

static volatile uint32_t depth;

WASMOTE_BUFFER(64)

static __attribute__((noinline)) uint32_t deeper(uint32_t level) {
    depth = level;
    return deeper(level + 1) + depth;
}

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    if (values[0] < 0.0f) {
        deeper(0);
    }
    wasmote_emit_f32(0, values, 1);
}
