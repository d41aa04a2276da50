/* A sector, erased: waited for, or in the background. One at a time, and flash is neither read nor
 * programmed meanwhile: whoever wants to calls erase_wait() first. */
#ifndef WASMOTE_STORE_ERASE_H
#define WASMOTE_STORE_ERASE_H

#include <stdint.h>

#include "core/status.h"

/* Blocks: up to 2 s for 128 KiB on an STM32F4. WM_EIO when the flash reports an error or has not ended
 * after ERASE_TIMEOUT_MS. */
wm_status erase_sector(uint32_t at);

/* In the background, where the board can (hal.h). Poll: WM_EAGAIN while it goes on, then what became of
 * it, until another one is begun. */
wm_status erase_begin(uint32_t at);
wm_status erase_poll(void);

/* Blocks while one goes on. */
void erase_wait(void);

/* How long any erase of a sector takes at most, in milliseconds: so long the loop may stand still. */
uint32_t erase_max_ms(void);

#endif
