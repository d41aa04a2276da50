/* Sensors without hardware, for boards that have none. */
#include <math.h>

#include "common/board_sensor.h"

board_sensor_take synthetic_temperature_take;
board_sensor_values synthetic_temperature_values;

#define DAY_US 60000000u

HAL_RAMCODE wm_status synthetic_temperature_take(const uint8_t *inputs, size_t count, hal_raw *raw) {
    (void)inputs, (void)count;
    raw->word[0] = (uint32_t)(hal_now_us() % DAY_US);
    return WM_OK;
}

/* A function of the uptime alone, so that runs can be compared: 20 +- 5 degrees in 60 s. */
wm_status synthetic_temperature_values(const hal_raw *raw, size_t count, float *values) {
    double phase = (double)raw->word[0] / DAY_US;
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(20.0 + 5.0 * sin(2.0 * 3.14159265358979323846 * phase));
    return WM_OK;
}
