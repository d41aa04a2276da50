/* Writes a byte where it is told to: its memory is trimmed to stack, data and 100 bytes above them. */
#include <wasmote.h>

WASMOTE_BUFFER(64)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    volatile uint8_t *place = (uint8_t *)(uint32_t)values[0];
    *place = 7;
    float told = *place;
    wasmote_emit_f32(0, &told, 1);
}
