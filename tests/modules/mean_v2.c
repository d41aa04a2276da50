/* Sliding mean of the probe, ten times as large: a second version whose outputs are told apart at
 * sight, with the state of the first. */
#include "mean.h"

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    float mean = 10.0f * mean_with(values[0]);
    wasmote_emit_f32(0, &mean, 1);
}
