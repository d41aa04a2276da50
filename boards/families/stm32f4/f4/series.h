/* What STM32F405/407 do not share with STM32F205: RM0090, datasheet DS8626. */
#ifndef WASMOTE_STM32F4_SERIES_H
#define WASMOTE_STM32F4_SERIES_H

#include "chip.h"

#define SERIES_CORE_HZ_MAX 168000000u
#define SERIES_PWR_CR (1u << 14) /* VOS, scale 1: needed above 144 MHz (RM0090 section 5.4.1) */

/* Noted by the factory at 3.3 V (DS8626 sections 5.3.22 and 5.3.24). */
#define TS_CAL1 (*(const volatile uint16_t *)0x1FFF7A2Cu)     /* at 30 Cel */
#define TS_CAL2 (*(const volatile uint16_t *)0x1FFF7A2Eu)     /* at 110 Cel */
#define VREFINT_CAL (*(const volatile uint16_t *)0x1FFF7A2Au) /* at 30 Cel */

static inline struct chip_calibration series_calibration(void) {
    return (struct chip_calibration){.vrefint = VREFINT_CAL, .at_30 = TS_CAL1, .at_110 = TS_CAL2};
}

#endif
