/* Counts what it has seen, and emits one value to a stream of two as well, which no node takes. */
#include <wasmote.h>

static uint32_t seen;

WASMOTE_BUFFER(64)
WASMOTE_STATE(seen)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)values, (void)count;
    float told = (float)++seen;
    wasmote_emit_f32(0, &told, 1);
    wasmote_emit_f32(1, &told, 1);
}
