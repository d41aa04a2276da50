/* What STM32F405/407 do not share with the rest of the family: RM0090, datasheet DS8626. */
#ifndef WASMOTE_STM32F4_SERIES_H
#define WASMOTE_STM32F4_SERIES_H

#include "f4/calibration.h"

#define SERIES_CORE_HZ_MAX 168000000u
#define SERIES_PWR_CR (1u << 14) /* VOS, scale 1: needed above 144 MHz (RM0090 section 5.4.1) */
#define SERIES_HAS_RNG 1
#define SERIES_ADC_TEMPERATURE 16
#define SERIES_ADC_VREFINT 17

#endif
