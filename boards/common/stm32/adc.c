/* Sensor drivers over ADC1. Codes are scaled with the supply voltage, which the internal reference
 * tells: VDDA = 3.3 V * VREFINT_CAL / code of VREFINT where the factory measured at 3.3 V (RM0090
 * section 13.10; DS8626 section 5.3.24). A reading is the code of VREFINT and behind it one for each
 * channel. */
#include "chip.h"
#include "common/board_sensor.h"
#include "gpio.h"
#include "series.h"

board_sensor_take adc_temperature_take, adc_volts_take;
board_sensor_values adc_temperature_values, adc_volts_values;

#define CHANNELS_MAX (sizeof(hal_raw) / sizeof(uint16_t) - 1)

HAL_RAMCODE wm_status adc_temperature_take(const uint8_t *inputs, size_t count, hal_raw *raw) {
    (void)inputs;
    if (count != 1 || chip_adc_convert(SERIES_ADC_VREFINT, &raw->code[0]) != WM_OK)
        return WM_EIO;
    return chip_adc_convert(SERIES_ADC_TEMPERATURE, &raw->code[1]);
}

/* The supply, or 0 where the reference's code cannot be true. */
static float supply_volts(const hal_raw *raw) {
    struct chip_calibration cal = chip_calibration();
    return raw->code[0] ? cal.volts * (float)cal.vrefint / (float)raw->code[0] : 0.0f;
}

/* The factory noted the codes at 30 and 110 Cel (DS8626 table 70). */
wm_status adc_temperature_values(const hal_raw *raw, size_t count, float *values) {
    float supply = supply_volts(raw);
    struct chip_calibration cal = chip_calibration();
    if (count != 1 || supply == 0.0f || cal.at_110 == cal.at_30)
        return WM_EIO;
    float at_calibration = (float)raw->code[1] * supply / cal.volts;
    values[0] =
        30.0f + 80.0f * (at_calibration - (float)cal.at_30) / ((float)cal.at_110 - (float)cal.at_30);
    return WM_OK;
}

HAL_RAMCODE wm_status adc_volts_take(const uint8_t *inputs, size_t count, hal_raw *raw) {
    if (count > CHANNELS_MAX || chip_adc_convert(SERIES_ADC_VREFINT, &raw->code[0]) != WM_OK)
        return WM_EIO;
    for (size_t i = 0; i < count; i++) {
        gpio_make_analog(inputs[i]);
        if (chip_adc_convert(inputs[i], &raw->code[1 + i]) != WM_OK)
            return WM_EIO;
    }
    return WM_OK;
}

/* The voltage at each of the inputs. */
wm_status adc_volts_values(const hal_raw *raw, size_t count, float *values) {
    float supply = supply_volts(raw);
    if (count > CHANNELS_MAX || supply == 0.0f)
        return WM_EIO;
    for (size_t i = 0; i < count; i++)
        values[i] = supply * (float)raw->code[1 + i] / 4095.0f;
    return WM_OK;
}
