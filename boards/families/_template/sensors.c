/* Drivers that board.toml [[sensor]] names: each fills one value for each channel, in the channel's
 * unit. */
#include "registers.h"
#include "common/board_sensor.h"

#define CONVERSION_US 200u

board_sensor_driver chip_temperature;

/* A driver may wait for a conversion, for a bounded time: tens of microseconds, as the loop stands
 * still. Hardware that does not answer is WM_EIO and never a number. */
wm_status chip_temperature(const uint8_t *inputs, size_t count, float *values) {
    (void)inputs;
    if (count != 1)
        return WM_EIO;
    uint64_t deadline = hal_now_us() + CONVERSION_US;
    THERMOMETER->START = 1;
    while (!THERMOMETER->READY)
        if (hal_now_us() > deadline)
            return WM_EIO;
    values[0] = (float)(int32_t)THERMOMETER->TENTHS / 10.0f;
    return WM_OK;
}
