#include "store/erase.h"

#include "hal.h"

#define ERASE_TIMEOUT_MS 4000u /* twice the longest of an STM32F4 (DS8626 table 41) */

wm_status erase_sector(uint32_t at) {
    wm_status status = hal_flash_erase_start(at);
    if (status)
        return status;
    uint64_t deadline = hal_now_us() + ERASE_TIMEOUT_MS * UINT64_C(1000);
    while ((status = hal_flash_erase_poll()) == WM_EAGAIN) {
        hal_watchdog_feed();
        if (hal_now_us() > deadline)
            return WM_EIO;
    }
    return status;
}
