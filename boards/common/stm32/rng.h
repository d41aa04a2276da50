#ifndef WASMOTE_STM32_RNG_H
#define WASMOTE_STM32_RNG_H

#include <stdbool.h>

#include "hal.h"
#include "stm32.h"

/* A seed error stays until the generator was switched off and on (RM0090 section 24.3.2). Without its
 * clock DRDY never comes. */
static inline bool rng_word(uint32_t *word, uint64_t deadline) {
    RNG->CR = RNG_CR_RNGEN;
    do {
        uint32_t status = RNG->SR;
        if (status & RNG_SR_ERRORS) {
            RNG->SR = 0;
            RNG->CR = 0;
            RNG->CR = RNG_CR_RNGEN;
        } else if (status & RNG_SR_DRDY) {
            *word = RNG->DR;
            return true;
        }
    } while (hal_now_us() < deadline);
    return false;
}

#endif
