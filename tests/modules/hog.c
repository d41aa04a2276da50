/* Needs ten pages of 16 KiB: 150,000 bytes of history. */
#include <wasmote.h>

static float history[37500];
static uint32_t seen;

WASMOTE_BUFFER(64)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    uint32_t at = seen++ % (sizeof history / sizeof history[0]);
    float before = history[at];
    history[at] = values[0];
    wasmote_emit_f32(0, &before, 1);
}
