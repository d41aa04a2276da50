/* Sensors without hardware, for boards that have none. */
#include <math.h>

#include "common/board_sensor.h"

board_sensor_driver synthetic_temperature;

/* A function of the uptime alone, so that runs can be compared: 20 +- 5 degrees in 60 s. */
wm_status synthetic_temperature(const uint8_t *inputs, size_t count, float *values) {
    (void)inputs;
    double phase = (double)(hal_now_us() % 60000000u) / 60e6;
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(20.0 + 5.0 * sin(2.0 * 3.14159265358979323846 * phase));
    return WM_OK;
}
