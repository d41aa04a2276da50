/* Counts the samples it has seen. */
#include <wasmote.h>

static uint32_t seen;

WASMOTE_BUFFER(64)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)values, (void)count;
    float total = (float)++seen;
    wasmote_emit_f32(0, &total, 1);
}
