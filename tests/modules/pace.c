/* Watches over the board's readings, 100 a second: how many came, and how many must have been left out
 * between two of them. Both versions have this state, so that swaps can go on for ever. */
#include <wasmote.h>

#define PERIOD_MS 10

static struct {
    int64_t last_ms, longest_ms;
    uint32_t seen, missed;
} state;

WASMOTE_BUFFER(64)
WASMOTE_STATE(state)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)values, (void)count;
    int64_t step = time_ms - state.last_ms;
    if (state.seen++ > 0) {
        state.missed += (uint32_t)((step + PERIOD_MS / 2) / PERIOD_MS - 1);
        state.longest_ms = step > state.longest_ms ? step : state.longest_ms;
    }
    state.last_ms = time_ms;
}
