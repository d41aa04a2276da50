/* Has the state of mean_v1.c, and traps in its start. */
#include "mean.h"

void on_start(void) {
    __builtin_trap();
}

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    (void)mean_with(values[0]);
}
