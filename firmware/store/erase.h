/* A sector, erased, and waited for. */
#ifndef WASMOTE_STORE_ERASE_H
#define WASMOTE_STORE_ERASE_H

#include <stdint.h>

#include "core/status.h"

/* Blocks: up to 2 s for 128 KiB on an STM32F4. WM_EIO when the flash reports an error or has not ended
 * after ERASE_TIMEOUT_MS. */
wm_status erase_sector(uint32_t at);

#endif
