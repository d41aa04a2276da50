#ifndef WASMOTE_STM32F4_TIME_H
#define WASMOTE_STM32F4_TIME_H

/* Starts hal_now_us(). After clock_start(). */
void time_start(void);

#endif
