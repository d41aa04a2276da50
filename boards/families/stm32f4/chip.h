/* What an emulator of this chip cannot do, and nothing else: common/stm32/chip.h and a few register
 * accesses more. The shipped image links chip.c; an emulated one links its own file instead
 * (boards/emulators/), and every other object is the same. */
#ifndef WASMOTE_STM32F4_CHIP_H
#define WASMOTE_STM32F4_CHIP_H

#include "common/stm32/chip.h"

/* An erase as the core sees it, which cannot fetch from flash meanwhile: begin writes FLASH_CR.
 * HAL_RAMCODE, both, and chip_adc_convert() and chip_watchdog_feed() too. */
void chip_flash_begin(uint32_t control);
bool chip_flash_is_busy(void);

#endif
