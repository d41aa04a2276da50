/* Flash that lies in the address space. What usually goes wrong: code that the chip fetches from the
 * flash it erases (it stands still, or worse), caches that hold what was there before, errors of an
 * operation before, voltage that does not allow the widest programming, check bits: a word that a cut of
 * power left half programmed may be an exception when it is read (stm32l4). */
#include <string.h>

#include "board_config.h"
#include "hal.h"
#include "registers.h"

static bool inside(uint32_t at, size_t len) {
    return at <= BOARD_FLASH_BYTES && len <= BOARD_FLASH_BYTES - at;
}

wm_status hal_flash_read(uint32_t at, void *out, size_t len) {
    if (!inside(at, len))
        return WM_EINVAL;
    memcpy(out, (const void *)(BOARD_FLASH_ORIGIN + at), len);
    return WM_OK;
}

const uint8_t *hal_flash_map(uint32_t at, size_t len) {
    return inside(at, len) ? (const uint8_t *)(BOARD_FLASH_ORIGIN + at) : NULL;
}

void hal_flash_unmap(const uint8_t *window) {
    (void)window;
}

/* Every wait is bounded; an interrupt may come meanwhile if its handler is in RAM or can wait. */
wm_status hal_flash_program(uint32_t at, const void *words, size_t len) {
    uint32_t word;
    if (!inside(at, len) || at % HAL_FLASH_WORD || len % HAL_FLASH_WORD)
        return WM_EINVAL;
    for (size_t i = 0; i < len && !(FLASH->STATUS & FLASH_STATUS_ERROR); i += sizeof word) {
        memcpy(&word, (const uint8_t *)words + i, sizeof word);
        FLASH->ADDRESS = at + (uint32_t)i;
        FLASH->PROGRAM = word;
        for (uint32_t turns = 0; turns < 100000 && (FLASH->STATUS & FLASH_STATUS_BUSY); turns++)
            ;
    }
    return FLASH->STATUS & (FLASH_STATUS_ERROR | FLASH_STATUS_BUSY) ? WM_EIO : WM_OK;
}

/* Where code can be fetched while a sector is erased, this only begins. */
wm_status hal_flash_erase_start(uint32_t at) {
    if (!inside(at, 1))
        return WM_EINVAL;
    FLASH->ADDRESS = at;
    FLASH->ERASE = 1;
    return WM_OK;
}

wm_status hal_flash_erase_poll(void) {
    uint32_t status = FLASH->STATUS;
    if (status & FLASH_STATUS_BUSY)
        return WM_EAGAIN;
    return status & FLASH_STATUS_ERROR ? WM_EIO : WM_OK;
}

/* From the datasheet, the maximum. */
uint32_t hal_flash_erase_max_ms(uint32_t sector_bytes) {
    return sector_bytes / 0x4000 * 500;
}
