/* What STM32F411 does not share with the rest of the family: RM0383, datasheet DS10314. */
#ifndef WASMOTE_STM32F4_SERIES_H
#define WASMOTE_STM32F4_SERIES_H

#include "f4/calibration.h"

#define SERIES_CORE_HZ_MAX 100000000u
#define SERIES_PWR_CR (3u << 14) /* VOS, scale 1: needed above 84 MHz (RM0383 section 5.4.1) */
#define SERIES_HAS_RNG 0
#define SERIES_ADC_TEMPERATURE 18
#define SERIES_ADC_VREFINT 17

#endif
