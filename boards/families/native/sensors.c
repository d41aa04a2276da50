/* The native board's own sensors; board.toml says what each of them is. */
#include <string.h>
#include <sys/resource.h>

#include "common/board_sensor.h"

board_sensor_take process_usage_take;
board_sensor_values process_usage_values;

static float seconds(struct timeval time) {
    return (float)time.tv_sec + (float)time.tv_usec * 1e-6f;
}

/* Channels: processor time in s, largest resident set in bytes (Linux counts it in KiB). */
wm_status process_usage_take(const uint8_t *inputs, size_t count, hal_raw *raw) {
    (void)inputs;
    struct rusage usage;
    if (count != 2 || getrusage(RUSAGE_SELF, &usage) != 0)
        return WM_EIO;
    raw->value[0] = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    raw->value[1] = (float)usage.ru_maxrss * 1024.0f;
    return WM_OK;
}

wm_status process_usage_values(const hal_raw *raw, size_t count, float *values) {
    memcpy(values, raw->value, count * sizeof *values);
    return WM_OK;
}
