/* The preprocessing module of the flood model: a day's rain and flow in, the day's features out. */
#include <wasmote.h>

#include "flood_features.h"

static struct flood_state state;

WASMOTE_BUFFER(64)
WASMOTE_STATE(state)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)count; /* the manifest has one input, of two channels */
    float features[FLOOD_FEATURES];
    if (flood_day(&state, time_ms, values[0], values[1], features))
        wasmote_emit_f32(0, features, FLOOD_FEATURES);
}
