/* What flash.c does to the chip: the registers of RM0351 section 3.7, and the flash itself. The tests
 * have their own, over a model of the registers (tests/c/stm32l4_flash). */
#ifndef WASMOTE_STM32L4_FLASH_PORT_H
#define WASMOTE_STM32L4_FLASH_PORT_H

#include <stdbool.h>
#include <string.h>

#include "board_config.h"
#include "stm32l4.h"

/* Set by the NMI: what was just read was neither old nor new. */
extern volatile bool flash_is_torn;
void nmi_handler(void);

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

/* Both halves, the lower one first, without anything between. */
static inline void flash_store(uint32_t at, uint32_t low, uint32_t high) {
    volatile uint32_t *word = (volatile uint32_t *)(BOARD_FLASH_ORIGIN + at);
    word[0] = low;
    __asm__ volatile("isb" ::: "memory");
    word[1] = high;
    __asm__ volatile("dsb" ::: "memory");
}

static inline const uint8_t *flash_address(uint32_t at) {
    return (const uint8_t *)(BOARD_FLASH_ORIGIN + at);
}

static inline void flash_copy(void *out, uint32_t at, size_t len) {
    memcpy(out, flash_address(at), len);
    __asm__ volatile("dsb" ::: "memory");
}

#endif
