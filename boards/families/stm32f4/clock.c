#include "common/stm32/clock.h"

#include <stdbool.h>

#include "board_config.h"
#include "series.h"
#include "stm32f4.h"

#ifndef BOARD_HSE_BYPASS
#define BOARD_HSE_BYPASS 0 /* 1: a clock comes in, and not from a crystal */
#endif
#define HSI_HZ 16000000u
#define PLL_INPUT_HZ 1000000u                       /* VCO input: 1 to 2 MHz (RM0090 section 7.3.2) */
#define PLL_P (BOARD_CORE_HZ < 96000000u ? 4u : 2u) /* VCO output: 192 to 432 MHz, there too */
#define PLL_N (BOARD_CORE_HZ / PLL_INPUT_HZ * PLL_P)
#define PLL_Q ((PLL_N * PLL_INPUT_HZ + 47999999u) / 48000000u) /* for RNG: at most 48 MHz */
#define FLASH_WAIT_STATES ((BOARD_CORE_HZ - 1) / 30000000u)    /* at 2.7 to 3.6 V (RM0090 table 10) */
_Static_assert(BOARD_CORE_HZ <= SERIES_CORE_HZ_MAX,
               "board.toml: [clock] core_hz is more than the chip can");
_Static_assert(BOARD_CORE_HZ >= 48000000u && BOARD_CORE_HZ % PLL_INPUT_HZ == 0,
               "board.toml: [clock] core_hz: whole MHz, 48 or more");

struct clock_rates clock_rates = {
    .core_hz = HSI_HZ, .timer_hz = HSI_HZ, .apb1_hz = HSI_HZ, .apb2_hz = HSI_HZ};

/* A count and not a time: nothing counts time yet. About 25 ms at 16 MHz; a crystal takes 2 ms and
 * the PLL 0.3 ms (DS8626 tables 32 and 36). */
static bool wait_for(volatile uint32_t *reg, uint32_t mask, uint32_t value) {
    for (uint32_t i = 0; i < 50000; i++)
        if ((*reg & mask) == value)
            return true;
    return false;
}

static bool hse_start(void) {
    if (BOARD_HSE_BYPASS)
        RCC->CR |= RCC_CR_HSEBYP; /* while HSE is off */
    RCC->CR |= RCC_CR_HSEON;
    if (wait_for(&RCC->CR, RCC_CR_HSERDY, RCC_CR_HSERDY))
        return true;
    RCC->CR &= ~RCC_CR_HSEON;
    return false;
}

static bool pll_start(bool from_hse) {
    uint32_t m = (from_hse ? BOARD_HSE_HZ : HSI_HZ) / PLL_INPUT_HZ;
    RCC->PLLCFGR = (RCC->PLLCFGR & RCC_PLLCFGR_KEPT) | m | PLL_N << 6 | (PLL_P / 2 - 1) << 16 |
                   (from_hse ? RCC_PLLCFGR_SRC_HSE : 0) | PLL_Q << 24;
    RCC->CR |= RCC_CR_PLLON;
    return wait_for(&RCC->CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY);
}

/* Wait states and bus dividers go up before the frequency does (RM0090 section 3.5.1). */
static bool switch_to_pll(void) {
    FLASH_ACR = FLASH_WAIT_STATES | FLASH_ACR_CACHES;
    if (!wait_for(&FLASH_ACR, FLASH_ACR_LATENCY, FLASH_WAIT_STATES))
        return false;
    RCC->CFGR = RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2;
    RCC->CFGR |= RCC_CFGR_SW_PLL;
    if (wait_for(&RCC->CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL))
        return true;
    RCC->CFGR = 0;
    return false;
}

void clock_start(void) {
    RCC->APB1ENR |= RCC_APB1ENR_PWR | RCC_APB1ENR_TIM2;
    PWR_CR |= SERIES_PWR_CR;
    RCC->CR |= RCC_CR_HSION;
    if (!pll_start(hse_start()) || !switch_to_pll())
        return; /* HSI, as after reset */
    clock_rates = (struct clock_rates){.core_hz = BOARD_CORE_HZ,
                                       .timer_hz = BOARD_CORE_HZ / 2,
                                       .apb1_hz = BOARD_CORE_HZ / 4,
                                       .apb2_hz = BOARD_CORE_HZ / 2};
}
