/* Never ready: its start takes longer than any budget. */
#include <wasmote.h>

static volatile uint32_t turns;

WASMOTE_BUFFER(64)

void on_start(void) {
    for (turns = 1; turns != 0;) {
        turns = turns + 2;
    }
}

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    wasmote_emit_f32(0, values, 1);
}
