/* Where the sensors of the chip are among the inputs of ADC1 (RM0351 section 18.4.11). */
#ifndef WASMOTE_STM32L4_SERIES_H
#define WASMOTE_STM32L4_SERIES_H

#define SERIES_ADC_VREFINT 0
#define SERIES_ADC_TEMPERATURE 17

#endif
