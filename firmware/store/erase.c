#include "store/erase.h"

#include <stdbool.h>

#include "hal.h"

#define ERASE_TIMEOUT_MS 4000u /* twice the longest of an STM32F4 (DS8626 table 41) */

/* The one in the background. */
static struct {
    bool goes_on;
    uint64_t deadline_us;
    wm_status result;
} background;

static uint64_t deadline(void) {
    return hal_now_us() + ERASE_TIMEOUT_MS * UINT64_C(1000);
}

static wm_status poll(uint64_t deadline_us) {
    wm_status status = hal_flash_erase_poll();
    return status == WM_EAGAIN && hal_now_us() > deadline_us ? WM_EIO : status;
}

wm_status erase_sector(uint32_t at) {
    erase_wait();
    wm_status status = hal_flash_erase_start(at);
    uint64_t deadline_us = deadline();
    if (status)
        return status;
    while ((status = poll(deadline_us)) == WM_EAGAIN)
        hal_watchdog_feed();
    return status;
}

wm_status erase_begin(uint32_t at) {
    erase_wait();
    background.result = hal_flash_erase_start(at);
    background.goes_on = background.result == WM_OK;
    background.deadline_us = deadline();
    return background.result;
}

wm_status erase_poll(void) {
    if (!background.goes_on)
        return background.result;
    wm_status status = poll(background.deadline_us);
    background.goes_on = status == WM_EAGAIN;
    background.result = status;
    return status;
}

void erase_wait(void) {
    while (background.goes_on && erase_poll() == WM_EAGAIN)
        hal_watchdog_feed();
}

uint32_t erase_max_ms(void) {
    uint32_t longest = 0;
    for (int area = HAL_FLASH_RECORDS; area <= HAL_FLASH_BANKS; area++)
        for (size_t i = 0; i < hal_flash_count((enum hal_flash_area)area); i++) {
            struct hal_flash_sector sector = hal_flash_sector((enum hal_flash_area)area, i);
            uint32_t ms = hal_flash_erase_max_ms(sector.size);
            longest = ms > longest ? ms : longest;
        }
    return longest;
}
