/* What the factory of every STM32F4 notes at 3.3 V (DS8626 sections 5.3.22 and 5.3.24; DS10314 and
 * DS10693 have the same addresses). */
#ifndef WASMOTE_STM32F4_CALIBRATION_H
#define WASMOTE_STM32F4_CALIBRATION_H

#include "chip.h"

#define VREFINT_CAL (*(const volatile uint16_t *)0x1FFF7A2Au) /* at 30 Cel */
#define TS_CAL1 (*(const volatile uint16_t *)0x1FFF7A2Cu)     /* at 30 Cel */
#define TS_CAL2 (*(const volatile uint16_t *)0x1FFF7A2Eu)     /* at 110 Cel */

static inline struct chip_calibration series_calibration(void) {
    return (struct chip_calibration){
        .vrefint = VREFINT_CAL, .at_30 = TS_CAL1, .at_110 = TS_CAL2, .volts = 3.3f};
}

#endif
