/* Watches over the board's readings: when the first and the last came, how many there were, and the
 * longest time between two. Both versions have this state, so that swaps can go on for ever. */
#include <wasmote.h>

static struct {
    int64_t first_ms, last_ms, longest_ms;
    uint64_t seen;
} state;

WASMOTE_BUFFER(64)
WASMOTE_STATE(state)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)values, (void)count;
    int64_t step = time_ms - state.last_ms;
    if (state.seen++ == 0) {
        state.first_ms = time_ms;
    } else if (step > state.longest_ms) {
        state.longest_ms = step;
    }
    state.last_ms = time_ms;
}
