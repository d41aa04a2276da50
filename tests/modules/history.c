/* What it emits depends on everything that it has seen: filters in f32 and f64, a hash, readings in an
 * array that is zero for long, and a function that is chosen through the table. */
#include <wasmote.h>

#define KEPT 512

static struct {
    float fast, kept[KEPT];
    double slow, sum;
    uint64_t hash;
    uint32_t seen;
} state;

typedef float step(float value);

static float add(float value) {
    return state.fast * 0.9f + value;
}

static float divide(float value) {
    return state.fast / (1.0f + value * value);
}

static step *const steps[] = {add, divide, add};
static step *volatile next = add;

WASMOTE_BUFFER(64)
WASMOTE_STATE(state)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)count;
    float value = values[0];
    state.fast = next(value);
    state.slow += ((double)value - state.slow) * wasmote_config_get(WASMOTE_TEXT("weight"), 0.5);
    state.sum += __builtin_sqrt((double)value * (double)value + 1.0);
    state.hash = (state.hash ^ (uint64_t)time_ms) * 1099511628211u + (uint64_t)(int64_t)value;
    state.kept[state.seen % KEPT] = value;
    state.seen++;
    next = steps[state.hash >> 60 & 1];
    float old = state.kept[(state.seen * 7) % KEPT];
    float told[] = {state.fast, (float)state.slow, (float)(state.sum / state.seen),
                    (float)(state.hash >> 40), old};
    wasmote_emit_f32(0, told, 5);
}
