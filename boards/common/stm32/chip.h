/* What the files here ask of a family's chip, besides common/bare/chip.h. */
#ifndef WASMOTE_STM32_CHIP_H
#define WASMOTE_STM32_CHIP_H

#include "common/bare/chip.h"

/* What the core clock is; SysTick counts an eighth of it. */
uint32_t chip_core_hz(void);
/* What TIM2 to TIM5 count before their prescalers. */
uint32_t chip_timer_hz(void);

/* One conversion of ADC1, 12 bits. WM_EIO when the converter did not finish within its time.
 * HAL_RAMCODE. */
wm_status chip_adc_convert(uint8_t channel, uint16_t *code);

/* The factory's measurements where it notes them, typical values of the datasheet where it does not. */
struct chip_calibration {
    uint16_t vrefint; /* code of the reference */
    uint16_t at_30;   /* codes of the temperature sensor, at 30 and */
    uint16_t at_110;  /* 110 Cel */
    float volts;      /* the supply at which all that was measured */
};
struct chip_calibration chip_calibration(void);

/* SysTick's interrupt came: at least every 1.4 s, unless interrupts are locked. */
void chip_tick(void);

#endif
