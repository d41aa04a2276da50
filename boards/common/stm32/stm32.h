/* Peripherals that all these families have at the same addresses; chapters of RM0090. */
#ifndef WASMOTE_STM32_H
#define WASMOTE_STM32_H

#include <stdint.h>

/* ---- timers 2 to 5, chapter 18 -------------------------------------------------------------- */
struct tim {
    volatile uint32_t CR1, CR2, SMCR, DIER, SR, EGR, CCMR1, CCMR2, CCER, CNT, PSC, ARR;
};
#define TIM2 ((struct tim *)0x40000000u)
#define TIM_CR1_CEN 1u
#define TIM_EGR_UG 1u

/* ---- independent watchdog, chapter 21 ------------------------------------------------------- */
struct iwdg {
    volatile uint32_t KR, PR, RLR, SR;
};
#define IWDG ((struct iwdg *)0x40003000u)
#define IWDG_KR_UNLOCK 0x5555u
#define IWDG_KR_FEED 0xAAAAu
#define IWDG_KR_START 0xCCCCu
#define IWDG_PR_DIV64 4u
#define IWDG_RLR_MAX 0xFFFu

/* ---- random number generator, chapter 24 ---------------------------------------------------- */
struct rng {
    volatile uint32_t CR, SR, DR;
};
#define RNG ((struct rng *)0x50060800u)
#define RNG_CR_RNGEN (1u << 2)
#define RNG_SR_DRDY (1u << 0)
#define RNG_SR_ERRORS ((1u << 1) | (1u << 2)) /* CECS, SECS */

#endif
