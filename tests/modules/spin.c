/* Loops for ever, without a call, when the value is negative; echoes any other. */
#include <wasmote.h>

static volatile uint32_t turns;

WASMOTE_BUFFER(64)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    while (values[0] < 0.0f) {
        turns = turns + 1;
    }
    wasmote_emit_f32(0, values, 1);
}
