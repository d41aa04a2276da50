/* Calls every function of the host and handles every event. */
#include <wasmote.h>

static float bytes_at_config;

WASMOTE_BUFFER(64)

void on_start(void) {
    wasmote_log(2, WASMOTE_TEXT("started: 20 °C"));
}

void on_config(const void *cbor, uint32_t len) {
    (void)cbor;
    bytes_at_config = (float)len;
}

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)time_ms;
    uint8_t noise[16] = {0};
    wasmote_random(noise, sizeof noise);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < sizeof noise; i++) {
        sum += noise[i];
    }
    wasmote_emit(input, noise, sizeof noise);
    float record[] = {values[count - 1], (float)sum, bytes_at_config,
                      (float)wasmote_config_get(WASMOTE_TEXT("none"), -1.5)};
    wasmote_emit_f32(1, record, 4);
}

void on_tick(int64_t time_ms) {
    float reading[2] = {0};
    float status = (float)wasmote_sensor_read(0, reading, 2);
    float record[] = {status, reading[0], reading[1], (float)(wasmote_now_ms() - time_ms)};
    wasmote_emit_f32(1, record, 4);
}
