/* What STM32F205 does not share with the rest of the family: RM0033, datasheet DS6329. */
#ifndef WASMOTE_STM32F4_SERIES_H
#define WASMOTE_STM32F4_SERIES_H

#include "chip.h"

#define SERIES_CORE_HZ_MAX 120000000u
#define SERIES_PWR_CR 0u /* no voltage scaling */
#define SERIES_HAS_RNG 1
#define SERIES_ADC_TEMPERATURE 16
#define SERIES_ADC_VREFINT 17

#define CODE_OF_MILLIVOLTS(mv) (uint16_t)((mv)*4095u / 3300u)

/* The factory notes none. Typical values: the reference is 1.21 V (1.18 to 1.24); the temperature sensor
 * has 0.76 V at 25 Cel and 2.5 mV a degree, and from chip to chip it is up to 45 Cel off (RM0033,
 * chapter on the ADC): good for changes, not for absolute temperatures. */
static inline struct chip_calibration series_calibration(void) {
    return (struct chip_calibration){.vrefint = CODE_OF_MILLIVOLTS(1210u),
                                     .at_30 = CODE_OF_MILLIVOLTS(760u + 25u * 5u / 10u),
                                     .at_110 = CODE_OF_MILLIVOLTS(760u + 25u * 85u / 10u),
                                     .volts = 3.3f};
}

#endif
