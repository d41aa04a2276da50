/* Adds readings up. Compiled with PICKY it changes its sum and then traps on a negative one. */
#include <wasmote.h>

static struct {
    float sum;
    uint32_t seen;
} state;

WASMOTE_BUFFER(64)
WASMOTE_STATE(state)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    state.sum += values[0];
#ifdef PICKY
    if (values[0] < 0.0f) {
        __builtin_trap();
    }
#endif
    float told[] = {state.sum, (float)++state.seen};
    wasmote_emit_f32(0, told, 2);
}
