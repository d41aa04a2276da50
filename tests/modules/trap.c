/* Traps when the third sample arrives; echoes the two before. */
#include <wasmote.h>

static uint32_t seen;

WASMOTE_BUFFER(64)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    if (++seen == 3) {
        __builtin_trap();
    }
    wasmote_emit_f32(0, values, 1);
}
