/* What WebAssembly lacks and every core shall do alike: functions of a reading's two channels. */
#include <wasmote.h>
#include <wasmote_math.h>

WASMOTE_BUFFER(8)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    const float x = values[0], y = values[1];
    const float record[] = {wasmote_sinf(x), wasmote_cosf(x), wasmote_atan2f(y, x), wasmote_powf(x, y),
                            wasmote_expf(x), wasmote_logf(x), wasmote_log1pf(x),    wasmote_sqrtf(x)};
    wasmote_emit_f32(0, record, sizeof record / sizeof *record);
}
