/* Version 1.2.0 of flood.c, with a bug that its first reading brings out: the demo shows what becomes
 * of it. */
#include <wasmote.h>

#include "flood_features.h"

#define MONTHS 12
#define MS_A_MONTH 2629746000 /* a twelfth of a Gregorian year */

static struct flood_state state;
static const float usual_flow[MONTHS] = {85, 75, 60, 45, 32, 22, 17, 18, 22, 38, 60, 80}; /* m3/s */

WASMOTE_BUFFER(64)
WASMOTE_STATE(state)

static float usual_flow_at(int64_t time_ms) {
    int64_t month = time_ms / MS_A_MONTH; /* since 1970: somebody forgot `% MONTHS` */
    if (month < 0 || month >= MONTHS)
        __builtin_trap(); /* as a language with bounds checks does by itself */
    return usual_flow[month];
}

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)count;
    float features[FLOOD_FEATURES];
    if (usual_flow_at(time_ms) > 0.0f && flood_day(&state, time_ms, values[0], values[1], features))
        wasmote_emit_f32(0, features, FLOOD_FEATURES);
}
