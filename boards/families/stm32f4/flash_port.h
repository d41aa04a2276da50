/* What flash.c does to the chip: the registers of RM0090 section 3.9, and the flash itself. The tests
 * have their own, over a model of the registers (tests/c/stm32_flash). */
#ifndef WASMOTE_STM32F4_FLASH_PORT_H
#define WASMOTE_STM32F4_FLASH_PORT_H

#include <string.h>

#include "board_config.h"
#include "flash_wait.h"
#include "stm32f4.h"

static inline void flash_key(uint32_t key) {
    FLASH_KEYR = key;
}

static inline uint32_t flash_control(void) {
    return FLASH_CR;
}

static inline void flash_set_control(uint32_t value) {
    FLASH_CR = value;
}

static inline uint32_t flash_status(void) {
    return FLASH_SR;
}

static inline void flash_clear_status(uint32_t flags) {
    FLASH_SR = flags;
}

static inline void flash_store(uint32_t at, uint32_t word) {
    *(volatile uint32_t *)(BOARD_FLASH_ORIGIN + at) = word;
    __asm__ volatile("dsb" ::: "memory");
}

static inline const uint8_t *flash_address(uint32_t at) {
    return (const uint8_t *)(BOARD_FLASH_ORIGIN + at);
}

/* What the data cache holds of an erased sector is wrong (RM0090 section 3.5.3). */
static inline void flash_forget_cache(void) {
    uint32_t access = FLASH_ACR;
    FLASH_ACR = access & ~FLASH_ACR_DCEN;
    FLASH_ACR |= FLASH_ACR_DCRST;
    FLASH_ACR = access;
}

#endif
