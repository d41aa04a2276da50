#ifndef WASMOTE_STM32_TIME_H
#define WASMOTE_STM32_TIME_H

/* Starts hal_now_us(). After clock_start(), which lets TIM2 run. */
void time_start(void);

/* Calls what the alarm calls (hal_alarm_at()) if it is due: for whoever keeps interrupts locked.
 * HAL_RAMCODE.
 */
void time_alarm(void);

#endif
