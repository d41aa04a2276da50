/* What STM32F446 does not share with the rest of the family: RM0390, datasheet DS10693. */
#ifndef WASMOTE_STM32F4_SERIES_H
#define WASMOTE_STM32F4_SERIES_H

#include "f4/calibration.h"

#define SERIES_CORE_HZ_MAX 168000000u /* 180 wants over-drive (RM0390 section 5.1.4) */
#define SERIES_PWR_CR (3u << 14)      /* VOS, scale 1: needed above 144 MHz */
#define SERIES_HAS_RNG 0
#define SERIES_ADC_TEMPERATURE 18
#define SERIES_ADC_VREFINT 17

#endif
