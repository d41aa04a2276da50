/* Mean of the last readings. Both versions include this, so that their state has one layout: the
 * second goes on with the readings that the first has seen. */
#ifndef MEAN_H
#define MEAN_H

#include <wasmote.h>

#define WINDOW 8

static struct {
    float window[WINDOW];
    uint32_t seen;
} state;

WASMOTE_BUFFER(64)
WASMOTE_STATE(state)

static float mean_with(float value) {
    state.window[state.seen++ % WINDOW] = value;
    uint32_t filled = state.seen < WINDOW ? state.seen : WINDOW;
    float sum = 0.0f;
    for (uint32_t i = 0; i < filled; i++) {
        sum += state.window[i];
    }
    return sum / (float)filled;
}

#endif
