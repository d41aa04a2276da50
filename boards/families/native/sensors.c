/* The native board's sensors; board.toml says what each of them is. */
#include <math.h>
#include <sys/resource.h>

#include "common/board_sensor.h"

board_sensor_driver synthetic_temperature, process_usage;

/* A function of the uptime alone, so that runs can be compared: 20 +- 5 degrees in 60 s. */
wm_status synthetic_temperature(const uint8_t *inputs, size_t count, float *values) {
    (void)inputs;
    double phase = (double)(hal_now_us() % 60000000u) / 60e6;
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(20.0 + 5.0 * sin(2.0 * 3.14159265358979323846 * phase));
    return WM_OK;
}

static float seconds(struct timeval time) {
    return (float)time.tv_sec + (float)time.tv_usec * 1e-6f;
}

/* Channels: processor time in s, largest resident set in bytes (Linux counts it in KiB). */
wm_status process_usage(const uint8_t *inputs, size_t count, float *values) {
    (void)inputs;
    struct rusage usage;
    if (count != 2 || getrusage(RUSAGE_SELF, &usage) != 0)
        return WM_EIO;
    values[0] = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    values[1] = (float)usage.ru_maxrss * 1024.0f;
    return WM_OK;
}
