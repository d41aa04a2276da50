/* What an emulator of this chip cannot do, and nothing else: each function is a few register
 * accesses. The shipped image links chip.c; an emulated one links its own file instead
 * (boards/emulators/), and every other object is the same. */
#ifndef WASMOTE_CHIP_H
#define WASMOTE_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal.h"

/* The 96 bits that ST gave this chip. Returns how many bytes were copied (<= cap). */
size_t chip_unique_id(uint8_t *out, size_t cap);

/* Why the chip was reset; clears the flags, so it is called once. A CPU fault shows as SOFTWARE. */
hal_reset_cause chip_reset_cause(void);

/* One word from the random number generator; false when none came within max_us. */
bool chip_entropy(uint32_t *word, uint32_t max_us);

void chip_watchdog_start(uint32_t timeout_ms);
void chip_watchdog_feed(void);

/* What the core clock is; SysTick counts an eighth of it. */
uint32_t chip_core_hz(void);
/* What TIM2 to TIM5 count before their prescalers. */
uint32_t chip_timer_hz(void);

/* One conversion of ADC1, 12 bits. WM_EIO when the converter did not finish within its time. */
wm_status chip_adc_convert(uint8_t channel, uint16_t *code);

struct chip_calibration {
    uint16_t vrefint; /* code of the reference at 3.3 V */
    uint16_t at_30;   /* codes of the temperature sensor at 3.3 V */
    uint16_t at_110;
};
struct chip_calibration chip_calibration(void);

#endif
