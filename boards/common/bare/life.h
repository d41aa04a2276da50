/* Why the board started, who it is, randomness, watchdog: hal.h on top of chip.h. */
#ifndef WASMOTE_BARE_LIFE_H
#define WASMOTE_BARE_LIFE_H

/* Finds the reset's cause and seeds hal_random(). Once, in hal_init(), after time_start(). */
void life_start(void);

#endif
