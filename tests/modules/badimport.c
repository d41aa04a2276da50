/* Calls a function that no node offers. */
#include <wasmote.h>

__attribute__((import_module("env"), import_name("nope"))) float nope(float value);

WASMOTE_BUFFER(64)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    float value = nope(values[0]);
    wasmote_emit_f32(0, &value, 1);
}
