/* Waiting for the end of an erase. */
#ifndef WASMOTE_STM32F4_FLASH_WAIT_H
#define WASMOTE_STM32F4_FLASH_WAIT_H

/* Starts what `control` says by writing it to FLASH_CR and returns when the flash is ready again. While
 * it is not, whoever fetches from flash stands still: this runs in RAM with interrupts locked, moves
 * received bytes to their ring and feeds the watchdog. */
void flash_wait_for(unsigned control);

#endif
