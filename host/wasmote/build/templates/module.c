#include <wasmote.h>

static const float LIMIT = 2.0f; /* m */

static struct {
    float mean; /* of the readings; newer ones count more */
    uint32_t readings;
} state;

WASMOTE_BUFFER(64)   /* where the node puts a reading */
WASMOTE_STATE(state) /* what the next version takes over */

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count; /* there is one input, of one channel */
    state.mean = state.readings++ ? 0.5f * (state.mean + values[0]) : values[0];
    float record[] = {state.mean, state.mean > LIMIT};
    wasmote_emit_f32(0, record, 2);
}
