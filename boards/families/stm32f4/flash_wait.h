/* Waiting for the end of an erase. */
#ifndef WASMOTE_STM32F4_FLASH_WAIT_H
#define WASMOTE_STM32F4_FLASH_WAIT_H

#include <stdint.h>

/* Starts what `control` says by writing it to FLASH_CR and returns when the flash is ready again. While
 * it is not, whoever fetches from flash stands still: this runs in RAM with interrupts locked, moves the
 * UART's bytes both ways, calls the alarm when it is due and feeds the watchdog. */
void flash_wait_for(uint32_t control);

#endif
