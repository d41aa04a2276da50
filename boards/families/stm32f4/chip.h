/* What an emulator of this chip cannot do, and nothing else: common/bare/chip.h and a few register
 * accesses more. The shipped image links chip.c; an emulated one links its own file instead
 * (boards/emulators/), and every other object is the same. */
#ifndef WASMOTE_STM32F4_CHIP_H
#define WASMOTE_STM32F4_CHIP_H

#include "common/bare/chip.h"

/* What the core clock is; SysTick counts an eighth of it. */
uint32_t chip_core_hz(void);
/* What TIM2 to TIM5 count before their prescalers. */
uint32_t chip_timer_hz(void);

/* One conversion of ADC1, 12 bits. WM_EIO when the converter did not finish within its time. */
wm_status chip_adc_convert(uint8_t channel, uint16_t *code);

/* The factory's measurements where it notes them, typical values of the datasheet where it does not. */
struct chip_calibration {
    uint16_t vrefint; /* code of the reference at 3.3 V */
    uint16_t at_30;   /* codes of the temperature sensor at 3.3 V */
    uint16_t at_110;
};
struct chip_calibration chip_calibration(void);

/* SysTick's interrupt came: at least once a second, unless interrupts are locked. */
void chip_tick(void);

/* An erase as the core sees it, which cannot fetch from flash meanwhile: begin writes FLASH_CR.
 * HAL_RAMCODE, both, and chip_adc_convert() and chip_watchdog_feed() too. */
void chip_flash_begin(uint32_t control);
bool chip_flash_is_busy(void);

#endif
