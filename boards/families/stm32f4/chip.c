#include "chip.h"

#include "board_config.h"
#include "common/bare/next_start.h"
#include "common/cortex_m/cortex_m.h"
#include "common/cortex_m/start.h"
#include "common/stm32/clock.h"
#include "common/stm32/iwdg.h"
#include "common/stm32/rng.h"
#include "series.h"
#include "stm32f4.h"

size_t chip_unique_id(uint8_t *out, size_t cap) {
    size_t len = UNIQUE_ID_BYTES < cap ? UNIQUE_ID_BYTES : cap;
    for (size_t i = 0; i < len; i++)
        out[i] = UNIQUE_ID[i];
    return len;
}

/* More than one flag is set after most resets (RM0090 section 7.3.21): every reset pulls NRST low,
 * and a power-on is a brown-out too. The most telling one wins. */
hal_reset_cause chip_reset_cause(void) {
    uint32_t flags = RCC->CSR;
    RCC->CSR = flags | RCC_CSR_RMVF;
    if (flags & (RCC_CSR_PORRST | RCC_CSR_BORRST))
        return HAL_RESET_POWER;
    if (flags & (RCC_CSR_IWDGRST | RCC_CSR_WWDGRST))
        return HAL_RESET_WATCHDOG;
    if (flags & RCC_CSR_SFTRST)
        return HAL_RESET_SOFTWARE;
    return flags & RCC_CSR_PINRST ? HAL_RESET_PIN : HAL_RESET_UNKNOWN;
}

bool chip_has_loader(void) {
    return BOARD_LOADER_HEARS_LINK;
}

void chip_choose_loader(void) {
}

/* The loader wants clocks and peripherals as a reset leaves them (AN2606), hence here, and its vectors
 * at address 0, where its own stack pointer and entry are. The watchdog does not outlive a reset. */
void before_start(void) {
    if (next_start() != HAL_START_LOADER)
        return;
    next_start_forget();
    RCC->APB2ENR |= RCC_APB2ENR_SYSCFG;
    SYSCFG_MEMRMP = SYSCFG_MEMRMP_SYSTEM_MEMORY;
    __asm__ volatile("dsb\n isb\n msr msp, %0\n bx %1" ::"r"(SYSTEM_MEMORY[0]), "r"(SYSTEM_MEMORY[1])
                     : "memory");
    __builtin_unreachable();
}

/* The lowest bits of the temperature sensor's code are noise: some 20 us each. Interrupts are locked
 * because the alarm takes readings too. */
static bool measured(uint32_t *word, uint64_t deadline) {
    *word = 0;
    for (int bit = 0; bit < 32; bit++) {
        uint16_t code = 0;
        uint32_t state = irq_save();
        wm_status status = chip_adc_convert(SERIES_ADC_TEMPERATURE, &code);
        irq_restore(state);
        if (status || hal_now_us() >= deadline)
            return false;
        *word = (*word << 1 | *word >> 31) ^ code;
    }
    return true;
}

bool chip_entropy(uint32_t *word, uint32_t max_us) {
    uint64_t deadline = hal_now_us() + max_us;
    if (!SERIES_HAS_RNG)
        return measured(word, deadline);
    RCC->AHB2ENR |= RCC_AHB2ENR_RNG;
    return rng_word(word, deadline);
}

void chip_watchdog_start(uint32_t timeout_ms) {
    iwdg_start(timeout_ms);
}

/* Nothing happens where the watchdog does not run. */
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

#define ADC_TIMEOUT_US 200u
/* APB2, half the core's clock, by 2 or 4: at most 30 MHz (DS6329; others 36), and a conversion takes its
 * time */
#define ADC_PRESCALER (BOARD_CORE_HZ / 4 <= 30000000u ? 0 : ADC_CCR_DIV4)

HAL_RAMCODE static void adc_start(void) {
    if (ADC1->CR2 & ADC_CR2_ADON)
        return;
    RCC->APB2ENR |= RCC_APB2ENR_ADC1;
    ADC_CCR = ADC_PRESCALER | ADC_CCR_TSVREFE;
    ADC1->SMPR1 = ADC_SMPR_480_CYCLES;
    ADC1->SMPR2 = ADC_SMPR_480_CYCLES;
    ADC1->CR2 = ADC_CR2_ADON;
    for (uint64_t until = hal_now_us() + 10; hal_now_us() < until;)
        ; /* tSTAB 3 us, temperature sensor start-up 10 us (DS8626 tables 67 and 69) */
}

HAL_RAMCODE wm_status chip_adc_convert(uint8_t channel, uint16_t *code) {
    adc_start();
    ADC1->SQR3 = channel;
    ADC1->SR = 0;
    ADC1->CR2 |= ADC_CR2_SWSTART;
    uint64_t deadline = hal_now_us() + ADC_TIMEOUT_US;
    while (!(ADC1->SR & ADC_SR_EOC))
        if (hal_now_us() > deadline)
            return WM_EIO;
    *code = (uint16_t)ADC1->DR;
    return WM_OK;
}

struct chip_calibration chip_calibration(void) {
    return series_calibration();
}

HAL_RAMCODE void chip_flash_begin(uint32_t control) {
    FLASH_CR = control;
    __asm__ volatile("dsb" ::: "memory");
}

HAL_RAMCODE bool chip_flash_is_busy(void) {
    return FLASH_SR & FLASH_SR_BSY;
}
