/* Sensor drivers over ADC1. Codes are scaled with the supply voltage, which the internal reference
 * tells: VDDA = 3.3 V * VREFINT_CAL / code of VREFINT (RM0090 section 13.10; DS8626 section 5.3.24). A
 * reading is the code of VREFINT and behind it one for each channel. */
#include "chip.h"
#include "common/board_sensor.h"
#include "gpio.h"
#include "series.h"

board_sensor_take adc_temperature_take, adc_volts_take;
board_sensor_values adc_temperature_values, adc_volts_values;

#define CHANNELS_MAX (sizeof(hal_raw) / sizeof(uint16_t) - 1)

HAL_RAMCODE wm_status adc_temperature_take(const uint8_t *inputs, size_t count, hal_raw *raw) {
    (void)inputs;
    if (count != 1 || chip_adc_convert(ADC_VREFINT, &raw->code[0]) != WM_OK)
        return WM_EIO;
    return chip_adc_convert(SERIES_ADC_TEMPERATURE, &raw->code[1]);
}

/* The supply, or 0 where the reference's code cannot be true. */
static float supply_volts(const hal_raw *raw) {
    return raw->code[0] ? 3.3f * (float)chip_calibration().vrefint / (float)raw->code[0] : 0.0f;
}

/* The factory noted the codes at 30 and 110 Cel with VDDA = 3.3 V (DS8626 table 70). */
wm_status adc_temperature_values(const hal_raw *raw, size_t count, float *values) {
    float supply = supply_volts(raw);
    struct chip_calibration cal = chip_calibration();
    if (count != 1 || supply == 0.0f || cal.at_110 == cal.at_30)
        return WM_EIO;
    float at_calibration = (float)raw->code[1] * supply / 3.3f;
    values[0] =
        30.0f + 80.0f * (at_calibration - (float)cal.at_30) / ((float)cal.at_110 - (float)cal.at_30);
    return WM_OK;
}

/* Inputs 0-7 are PA0-7, 8 and 9 PB0 and 1, 10-15 PC0-5 (DS8626 table 7). */
HAL_RAMCODE static void make_analog(uint8_t input) {
    if (input < 8)
        gpio_mode(GPIO_PORT_A, input, GPIO_ANALOG);
    else if (input < 10)
        gpio_mode(GPIO_PORT_B, input - 8u, GPIO_ANALOG);
    else if (input < 16)
        gpio_mode(GPIO_PORT_C, input - 10u, GPIO_ANALOG);
}

HAL_RAMCODE wm_status adc_volts_take(const uint8_t *inputs, size_t count, hal_raw *raw) {
    if (count > CHANNELS_MAX || chip_adc_convert(ADC_VREFINT, &raw->code[0]) != WM_OK)
        return WM_EIO;
    for (size_t i = 0; i < count; i++) {
        make_analog(inputs[i]);
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
