/* The clock tree: an oscillator (or, when it does not start, another) through the PLL; one alone as a
 * last resort. */
#ifndef WASMOTE_STM32_CLOCK_H
#define WASMOTE_STM32_CLOCK_H

#include <stdint.h>

struct clock_rates {
    uint32_t core_hz;  /* HCLK */
    uint32_t timer_hz; /* TIM2-5: APB1, doubled where APB1 is divided (RM0090 section 7.2) */
    uint32_t apb1_hz;  /* USART2, USART3 */
    uint32_t apb2_hz;  /* USART1, USART6, ADC1 */
};
extern struct clock_rates clock_rates;

/* The family's, which clocks TIM2 as well. Takes at most about 0.1 s even when nothing oscillates. */
void clock_start(void);

#endif
