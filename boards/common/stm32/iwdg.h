#ifndef WASMOTE_STM32_IWDG_H
#define WASMOTE_STM32_IWDG_H

#include "stm32.h"

static inline __attribute__((always_inline)) void iwdg_feed(void) {
    IWDG->KR = IWDG_KR_FEED;
}

/* LSI / 64 = 500 Hz nominally; LSI may be 17 to 47 kHz (DS8626 table 35), so 2 ms a count holds
 * within a factor of two and the longest time is 8.2 s. Started first: the watchdog itself turns LSI
 * on, and PR and RLR are taken over within 5 LSI cycles; their busy flags are not waited for, because
 * the registers are written once only. */
static inline void iwdg_start(uint32_t timeout_ms) {
    uint32_t counts = timeout_ms / 2 + 1;
    IWDG->KR = IWDG_KR_START;
    IWDG->KR = IWDG_KR_UNLOCK;
    IWDG->PR = IWDG_PR_DIV64;
    IWDG->RLR = counts < IWDG_RLR_MAX ? counts : IWDG_RLR_MAX;
    iwdg_feed();
}

#endif
