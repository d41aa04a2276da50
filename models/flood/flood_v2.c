/* Version 1.1.0 of flood.c: the same features to the last bit, and a line in the node's log when the
 * river rises past `warning_flow` (m3/s; 0 turns it off). */
#include <wasmote.h>

#include "flood_features.h"

static struct flood_state state;
static float warning_flow;

WASMOTE_BUFFER(64)
WASMOTE_STATE(state)

void on_config(const void *cbor, uint32_t len) {
    (void)cbor, (void)len; /* config_get reads the same map */
    warning_flow = (float)wasmote_config_get(WASMOTE_TEXT("warning_flow"), 0.0);
}

static uint32_t append_text(char *line, uint32_t at, const char *text) {
    while (*text)
        line[at++] = *text++;
    return at;
}

static uint32_t append_number(char *line, uint32_t at, uint32_t number) {
    char digits[10];
    uint32_t count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    while (count)
        line[at++] = digits[--count];
    return at;
}

/* Both are at most FLOOD_MAX_FLOW, so the line is shorter than its buffer. */
static void log_warning(float flow) {
    char line[64];
    uint32_t len = append_text(line, 0, "river at ");
    len = append_number(line, len, (uint32_t)flow);
    len = append_text(line, len, " m3/s, above the warning level of ");
    len = append_number(line, len, (uint32_t)warning_flow);
    wasmote_log(1, line, len);
}

static void warn_when_rising(float before, float flow) {
    if (warning_flow > 0.0f && warning_flow <= FLOOD_MAX_FLOW && before < warning_flow &&
        flow >= warning_flow)
        log_warning(flow);
}

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)count; /* the manifest has one input, of two channels */
    float features[FLOOD_FEATURES];
    float before = state.flow[0];
    if (flood_day(&state, time_ms, values[0], values[1], features))
        wasmote_emit_f32(0, features, FLOOD_FEATURES);
    warn_when_rising(before, state.flow[0]);
}
