/* Sensor drivers over ADC1. Codes are scaled with the supply voltage, which the internal reference
 * tells: VDDA = 3.3 V * VREFINT_CAL / code of VREFINT (RM0090 section 13.10; DS8626 section 5.3.24). */
#include "chip.h"
#include "common/board_sensor.h"
#include "gpio.h"

board_sensor_driver adc_temperature, adc_volts;

/* Volts that a code stands for times 4095, or 0 when the converter does not answer. */
static float supply_volts(void) {
    uint16_t code;
    if (chip_adc_convert(ADC_VREFINT, &code) != WM_OK || code == 0)
        return 0.0f;
    return 3.3f * (float)chip_calibration().vrefint / (float)code;
}

/* The factory noted the codes at 30 and 110 Cel with VDDA = 3.3 V (DS8626 table 70). */
wm_status adc_temperature(const uint8_t *inputs, size_t count, float *values) {
    (void)inputs;
    uint16_t code;
    float supply = supply_volts();
    struct chip_calibration cal = chip_calibration();
    if (count != 1 || supply == 0.0f || cal.at_110 == cal.at_30)
        return WM_EIO;
    if (chip_adc_convert(ADC_TEMPERATURE, &code) != WM_OK)
        return WM_EIO;
    float at_calibration = (float)code * supply / 3.3f;
    values[0] =
        30.0f + 80.0f * (at_calibration - (float)cal.at_30) / ((float)cal.at_110 - (float)cal.at_30);
    return WM_OK;
}

/* Inputs 0-7 are PA0-7, 8 and 9 PB0 and 1, 10-15 PC0-5 (DS8626 table 7). */
static void make_analog(uint8_t input) {
    if (input < 8)
        gpio_mode(GPIO_PORT_A, input, GPIO_ANALOG);
    else if (input < 10)
        gpio_mode(GPIO_PORT_B, input - 8u, GPIO_ANALOG);
    else if (input < 16)
        gpio_mode(GPIO_PORT_C, input - 10u, GPIO_ANALOG);
}

/* The voltage at each of the inputs. */
wm_status adc_volts(const uint8_t *inputs, size_t count, float *values) {
    float supply = supply_volts();
    if (inputs == NULL || supply == 0.0f)
        return WM_EIO;
    for (size_t i = 0; i < count; i++) {
        uint16_t code;
        make_analog(inputs[i]);
        if (chip_adc_convert(inputs[i], &code) != WM_OK)
            return WM_EIO;
        values[i] = supply * (float)code / 4095.0f;
    }
    return WM_OK;
}
