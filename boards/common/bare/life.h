/* Why and how the board started, who it is, randomness, watchdog: hal.h on top of chip.h. */
#ifndef WASMOTE_BARE_LIFE_H
#define WASMOTE_BARE_LIFE_H

/* Finds the reset's cause, seeds hal_random() and looks for the boot escape. Once, in hal_init(),
 * between time_start() and uart_start(). */
void life_start(void);

#endif
