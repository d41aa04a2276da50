#include "common/stm32/chip.h"

#include "common/cortex_m/start.h"
#include "common/stm32/clock.h"
#include "common/stm32/iwdg.h"
#include "common/stm32/rng.h"
#include "stm32l4.h"

size_t chip_unique_id(uint8_t *out, size_t cap) {
    size_t len = UNIQUE_ID_BYTES < cap ? UNIQUE_ID_BYTES : cap;
    for (size_t i = 0; i < len; i++)
        out[i] = UNIQUE_ID[i];
    return len;
}

/* More than one flag is set after most resets: every reset pulls NRST low, and a power-on is a brown-out
 * (RM0351 section 6.4.29). The most telling one wins. */
hal_reset_cause chip_reset_cause(void) {
    uint32_t flags = RCC->CSR;
    RCC->CSR = flags | RCC_CSR_RMVF;
    if (flags & RCC_CSR_BORRST)
        return HAL_RESET_POWER;
    if (flags & (RCC_CSR_IWDGRST | RCC_CSR_WWDGRST))
        return HAL_RESET_WATCHDOG;
    if (flags & RCC_CSR_SFTRST)
        return HAL_RESET_SOFTWARE;
    return flags & RCC_CSR_PINRST ? HAL_RESET_PIN : HAL_RESET_UNKNOWN;
}

/* No board of this family has its link on pins of the loader. */
bool chip_has_loader(void) {
    return false;
}

void chip_choose_loader(void) {
}

void before_start(void) {
}

bool chip_entropy(uint32_t *word, uint32_t max_us) {
    RCC->AHB2ENR |= RCC_AHB2ENR_RNG;
    return rng_word(word, hal_now_us() + max_us);
}

void chip_watchdog_start(uint32_t timeout_ms) {
    iwdg_start(timeout_ms);
}

HAL_RAMCODE void chip_watchdog_feed(void) {
    iwdg_feed();
}

void chip_tick(void) {
}

uint32_t chip_core_hz(void) {
    return clock_rates.core_hz;
}

uint32_t chip_timer_hz(void) {
    return clock_rates.timer_hz;
}

/* ---- ADC -------------------------------------------------------------------------------------- */

#define ADC_TIMEOUT_US 200u

HAL_RAMCODE static void wait_us(uint32_t us) {
    for (uint64_t until = hal_now_us() + us; hal_now_us() < until;)
        ;
}

HAL_RAMCODE static bool is_seen(volatile uint32_t *reg, uint32_t mask, uint32_t value) {
    for (uint64_t until = hal_now_us() + ADC_TIMEOUT_US; (*reg & mask) != value;)
        if (hal_now_us() > until)
            return false;
    return true;
}

/* Regulator (20 us), calibration, then the converter itself (RM0351 sections 18.4.6 to 18.4.9); the
 * sensors need 15 us (DS10969 table 76). Writing CR as a whole also ends deep power-down. */
HAL_RAMCODE static bool adc_start(void) {
    if (ADC1->CR & ADC_CR_ADEN)
        return true;
    RCC->AHB2ENR |= RCC_AHB2ENR_ADC;
    ADC_CCR = ADC_CCR_HCLK_DIV4 | ADC_CCR_VREFEN | ADC_CCR_TSEN;
    ADC1->CR = 0;
    ADC1->CR = ADC_CR_ADVREGEN;
    wait_us(20);
    ADC1->CR = ADC_CR_ADVREGEN | ADC_CR_ADCAL;
    if (!is_seen(&ADC1->CR, ADC_CR_ADCAL, 0))
        return false;
    wait_us(1); /* four cycles of its clock */
    ADC1->SMPR1 = ADC_SMPR_247_CYCLES;
    ADC1->SMPR2 = ADC_SMPR_247_CYCLES;
    ADC1->CR = ADC_CR_ADVREGEN | ADC_CR_ADEN;
    return is_seen(&ADC1->ISR, ADC_ISR_ADRDY, ADC_ISR_ADRDY);
}

HAL_RAMCODE wm_status chip_adc_convert(uint8_t channel, uint16_t *code) {
    if (!adc_start())
        return WM_EIO;
    ADC1->SQR1 = ADC_SQR1_FIRST(channel);
    ADC1->ISR = ADC_ISR_EOC;
    ADC1->CR = ADC_CR_ADVREGEN | ADC_CR_ADSTART; /* zeros change nothing in the others */
    if (!is_seen(&ADC1->ISR, ADC_ISR_EOC, ADC_ISR_EOC))
        return WM_EIO;
    *code = (uint16_t)ADC1->DR;
    return WM_OK;
}

struct chip_calibration chip_calibration(void) {
    return (struct chip_calibration){
        .vrefint = VREFINT_CAL, .at_30 = TS_CAL1, .at_110 = TS_CAL2, .volts = 3.0f};
}
