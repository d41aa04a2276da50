/* How the start that follows a reset is to be: noted in RAM that start-up leaves alone. */
#ifndef WASMOTE_BARE_NEXT_START_H
#define WASMOTE_BARE_NEXT_START_H

#include "hal.h"

void next_start_note(enum hal_start how);

/* What was noted; HAL_START_USUAL where nothing was. May be called before RAM is filled, both. */
enum hal_start next_start(void);
void next_start_forget(void);

#endif
