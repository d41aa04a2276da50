/* HSI, 16 MHz, through the PLL. Where HSI does not start, MSI takes its place at the same rate, which it
 * keeps to 1 % at 30 Cel; without the PLL one of both alone. */
#include "common/stm32/clock.h"

#include <stdbool.h>

#include "board_config.h"
#include "stm32l4.h"

#define SOURCE_HZ 16000000u
#define PLL_R 2u
#define PLL_N (BOARD_CORE_HZ * PLL_R / SOURCE_HZ) /* VCO: 64 to 344 MHz */
#define FLASH_WAIT_STATES                                                                               \
    ((BOARD_CORE_HZ - 1) / 16000000u) /* range 1, as after reset (RM0351 table 9) */
_Static_assert(BOARD_CORE_HZ <= 80000000u && PLL_N * SOURCE_HZ == BOARD_CORE_HZ * PLL_R && PLL_N >= 8,
               "board.toml: [clock] core_hz is a multiple of 8 MHz, 64 to 80 MHz");

struct clock_rates clock_rates = {
    .core_hz = SOURCE_HZ, .timer_hz = SOURCE_HZ, .apb1_hz = SOURCE_HZ, .apb2_hz = SOURCE_HZ};

/* A count and not a time: nothing counts time yet. */
static bool wait_for(volatile uint32_t *reg, uint32_t mask, uint32_t value) {
    for (uint32_t i = 0; i < 50000; i++)
        if ((*reg & mask) == value)
            return true;
    return false;
}

static bool switch_to(uint32_t source) {
    RCC->CFGR = source;
    return wait_for(&RCC->CFGR, RCC_CFGR_SWS, source << 2);
}

/* True: HSI. The core starts with MSI, at 4 MHz (RM0351 section 6.2.3). */
static bool source_start(void) {
    wait_for(&RCC->CR, RCC_CR_MSIRDY, RCC_CR_MSIRDY);
    RCC->CR = (RCC->CR & ~RCC_CR_MSIRANGE) | RCC_CR_MSIRANGE_16M | RCC_CR_MSIRGSEL;
    RCC->CR |= RCC_CR_HSION;
    return wait_for(&RCC->CR, RCC_CR_HSIRDY, RCC_CR_HSIRDY) && switch_to(RCC_CFGR_SW_HSI);
}

/* Q is for RNG: at most 48 MHz. */
static bool pll_start(bool from_hsi) {
    RCC->PLLCFGR = (from_hsi ? RCC_PLLCFGR_SRC_HSI : RCC_PLLCFGR_SRC_MSI) | PLL_N << 8 |
                   RCC_PLLCFGR_PLLQEN | RCC_PLLCFGR_PLLQ_DIV4 | RCC_PLLCFGR_PLLREN;
    RCC->CR |= RCC_CR_PLLON;
    return wait_for(&RCC->CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY);
}

/* The data cache stays off: it may be wrong about one bank while the other is erased (ES0250). */
static bool wait_states_set(void) {
    FLASH_ACR = FLASH_WAIT_STATES | FLASH_ACR_PRFTEN | FLASH_ACR_ICEN;
    return wait_for(&FLASH_ACR, FLASH_ACR_LATENCY, FLASH_WAIT_STATES);
}

void clock_start(void) {
    RCC->APB1ENR1 |= RCC_APB1ENR1_TIM2;
    if (!wait_states_set() || !pll_start(source_start()) || !switch_to(RCC_CFGR_SW_PLL))
        return;
    RCC->CCIPR |= RCC_CCIPR_CLK48_PLLQ;
    clock_rates = (struct clock_rates){.core_hz = BOARD_CORE_HZ,
                                       .timer_hz = BOARD_CORE_HZ,
                                       .apb1_hz = BOARD_CORE_HZ,
                                       .apb2_hz = BOARD_CORE_HZ};
}
