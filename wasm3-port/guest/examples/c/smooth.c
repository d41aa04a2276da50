/* Exponential smoothing of the probe, and how far its readings lie from what it expects. */
#include <wasmote.h>

static struct {
    float level, spread;
    uint32_t seen;
} state;

static float alpha;

WASMOTE_BUFFER(64)
WASMOTE_STATE(state)

void on_config(const void *cbor, uint32_t len) {
    (void)cbor, (void)len;
    alpha = (float)wasmote_config_get(WASMOTE_TEXT("alpha"), 0.25);
}

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    if (state.seen == 0) {
        state.level = values[0];
    }
    float error = values[0] - state.level;
    float distance = error < 0.0f ? -error : error;
    state.level += alpha * error;
    state.spread += alpha * (distance - state.spread);
    state.seen += 1;
    float record[] = {state.level, state.spread, (float)state.seen};
    wasmote_emit_f32(0, record, 3);
}
