/* Counts readings and adds them up; goes on with the count of the first version. */
#include <wasmote.h>

static struct {
    double sum;
    uint32_t seen;
} state;

WASMOTE_BUFFER(64)
WASMOTE_STATE(state)

int32_t migrate(const void *old, uint32_t len, const void *schema, uint32_t count) {
    if (count != 7 || len != 4 || ((const char *)schema)[6] != '1') {
        return 0;
    }
    state.seen = *(const uint32_t *)old;
    return 1;
}

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    state.sum += (double)values[0];
    float told[] = {(float)++state.seen, (float)state.sum};
    wasmote_emit_f32(0, told, 2);
}
