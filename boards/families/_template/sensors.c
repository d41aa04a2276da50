/* Drivers that board.toml [[sensor]] names: one function takes a reading, on time and whatever else goes
 * on; another makes a value for each channel of it, in the channel's unit. */
#include "registers.h"
#include "common/board_sensor.h"

#define CONVERSION_US 200u

board_sensor_take chip_temperature_take;
board_sensor_values chip_temperature_values;

/* May wait for a conversion, for a bounded time: tens of microseconds, as everything else stands still.
 * Hardware that does not answer is WM_EIO and never a number. HAL_RAMCODE, where flash cannot be read
 * while it is erased: nothing from the C library, no floating point, no tables. */
HAL_RAMCODE wm_status chip_temperature_take(const uint8_t *inputs, size_t count, hal_raw *raw) {
    (void)inputs;
    if (count != 1)
        return WM_EIO;
    uint64_t deadline = hal_now_us() + CONVERSION_US;
    THERMOMETER->START = 1;
    while (!THERMOMETER->READY)
        if (hal_now_us() > deadline)
            return WM_EIO;
    raw->word[0] = THERMOMETER->TENTHS;
    return WM_OK;
}

wm_status chip_temperature_values(const hal_raw *raw, size_t count, float *values) {
    (void)count;
    values[0] = (float)(int32_t)raw->word[0] / 10.0f;
    return WM_OK;
}
