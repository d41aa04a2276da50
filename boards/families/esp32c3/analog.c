/* Sensor drivers: the on-chip temperature sensor, and voltages at pins by ADC1. */
#include "common/board_sensor.h"
#include "esp32c3.h"
#include "parts.h"
#include "rom.h"

board_sensor_take chip_temperature_take, adc_volts_take;
board_sensor_values chip_temperature_values, adc_volts_values;

/* Register 6 of the ADC's analog part, bits 3:0: the range of the temperature sensor; 15 is -10 to 80
 * Cel (esp-idf, hal/esp32c3/temperature_sensor_ll.h). */
#define ANALOG_SAR_ADC 0x69
#define ANALOG_TSENS_DAC 6
#define TSENS_RANGE 15

static void temperature_start(void) {
    SYSTEM_PERIP_CLK_EN1 |= SYSTEM_TSENS_CLK_EN;
    SYSTEM_PERIP_RST_EN1 &= ~SYSTEM_TSENS_RST;
    ANA_CONFIG &= ~ANA_I2C_SAR_FORCE_PD;
    ANA_CONFIG2 |= ANA_I2C_SAR_FORCE_PU;
    rom_analog_write(ANALOG_SAR_ADC, 0, ANALOG_TSENS_DAC, 3, 0, TSENS_RANGE);
    APB_SARADC_TSENS_CTRL2 |= APB_SARADC_TSENS_CLK_XTAL;
    APB_SARADC_TSENS_CTRL |= APB_SARADC_TSENS_PU;
}

/* From then on the temperature sensor measures by itself, the first time within 0.3 ms. */
void analog_start(void) {
    SYSTEM_PERIP_CLK_EN0 |= SYSTEM_APB_SARADC_CLK_EN;
    APB_SARADC_CLKM_CONF = APB_SARADC_CLKM_APB_BY_16;
    APB_SARADC_CTRL |= APB_SARADC_SAR_CLK_GATED;
    temperature_start();
}

HAL_RAMCODE wm_status chip_temperature_take(const uint8_t *inputs, size_t count, hal_raw *raw) {
    (void)inputs;
    raw->code[0] = APB_SARADC_TSENS_OUT(APB_SARADC_TSENS_CTRL);
    return count == 1 && raw->code[0] ? WM_OK : WM_EIO;
}

/* TRM section 34.3.4, in this range. */
wm_status chip_temperature_values(const hal_raw *raw, size_t count, float *values) {
    if (count != 1)
        return WM_EIO;
    values[0] = 0.4386f * (float)raw->code[0] - 20.52f;
    return WM_OK;
}

/* ---- voltages ----------------------------------------------------------------------------------- */

#define CONVERSION_US 20u
#define CHANNELS_MAX (sizeof(hal_raw) / sizeof(uint16_t))

HAL_RAMCODE static wm_status convert(uint8_t channel, uint16_t *code) {
    uint32_t sample =
        APB_SARADC_ONETIME_ADC1 | APB_SARADC_ONETIME_ATTEN_11DB | APB_SARADC_ONETIME_CHANNEL(channel);
    APB_SARADC_INT_CLR = APB_SARADC_INT_ADC1_DONE;
    APB_SARADC_ONETIME_SAMPLE = sample;
    APB_SARADC_ONETIME_SAMPLE = sample | APB_SARADC_ONETIME_START;
    uint64_t deadline = hal_now_us() + CONVERSION_US;
    while (!(APB_SARADC_INT_RAW & APB_SARADC_INT_ADC1_DONE))
        if (hal_now_us() > deadline)
            return WM_EIO;
    *code = APB_SARADC_DATA(APB_SARADC_SAR1DATA_STATUS);
    APB_SARADC_ONETIME_SAMPLE = 0;
    return WM_OK;
}

/* Inputs are GPIO 0 to 4, which are channels 0 to 4 of ADC1. */
HAL_RAMCODE wm_status adc_volts_take(const uint8_t *inputs, size_t count, hal_raw *raw) {
    if (count > CHANNELS_MAX)
        return WM_EIO;
    for (size_t i = 0; i < count; i++) {
        IO_MUX_GPIO(inputs[i]) = IO_MUX_FUNCTION_GPIO; /* neither input nor pulls: analog */
        if (convert(inputs[i], &raw->code[i]) != WM_OK)
            return WM_EIO;
    }
    return WM_OK;
}

/* At 11 dB, 1.37 V is the code 2000 of a typical chip (esp-idf, efuse/esp32c3/esp_efuse_rtc_calib.c); by
 * how much this one differs the factory noted in eFuses that we do not read. */
wm_status adc_volts_values(const hal_raw *raw, size_t count, float *values) {
    if (count > CHANNELS_MAX)
        return WM_EIO;
    for (size_t i = 0; i < count; i++)
        values[i] = 1.37f * (float)raw->code[i] / 2000.0f;
    return WM_OK;
}
