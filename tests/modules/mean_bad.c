/* A third version of the mean, which traps at every sample. */
#include "mean.h"

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    mean_with(values[0]);
    __builtin_trap();
}
