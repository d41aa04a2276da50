/* Counts readings. The first of three versions, each with a state of its own: see tally_v3.c. */
#include <wasmote.h>

static struct { uint32_t seen; } state;

WASMOTE_BUFFER(64)
WASMOTE_STATE(state)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)values, (void)count;
    float told[] = {(float)++state.seen, 0.0f};
    wasmote_emit_f32(0, told, 2);
}
