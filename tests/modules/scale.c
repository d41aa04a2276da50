/* Scales the probe with two parameters: gain by config_get at each sample, offset as told by on_config.
 */
#include <wasmote.h>

static float offset;

WASMOTE_BUFFER(64)

void on_config(const void *cbor, uint32_t len) {
    (void)cbor, (void)len;
    offset = (float)wasmote_config_get(WASMOTE_TEXT("offset"), -1.0);
}

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    float scaled = (float)wasmote_config_get(WASMOTE_TEXT("gain"), 1.0) * values[0] + offset;
    wasmote_emit_f32(0, &scaled, 1);
}
