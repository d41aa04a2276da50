/* Emits what the host told it: the newest reading, what sensor_read answered, the clock, random bits. */
#include <wasmote.h>

static uint32_t drawn;
static float gain = 1;

WASMOTE_BUFFER(64)

static void tell(float cause) {
    float told[5] = {cause, -1, 0, 0, 0};
    uint16_t bits;
    told[2] = (float)wasmote_sensor_read(0, &told[1], 1);
    told[3] = (float)(wasmote_now_ms() % 1000000);
    wasmote_random(&bits, sizeof bits);
    drawn += bits;
    told[4] = gain * (float)drawn;
    wasmote_emit_f32(0, told, 5);
}

void on_config(const void *cbor, uint32_t len) {
    (void)cbor, (void)len;
    gain = (float)wasmote_config_get(WASMOTE_TEXT("gain"), 1);
}

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    if (values[0] < -100)
        __builtin_trap();
    tell(values[0]);
}

void on_tick(int64_t time_ms) {
    tell((float)(time_ms % 1000));
}
