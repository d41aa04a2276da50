/* Flash through the ROM's functions. Meanwhile it cannot be read: what runs then is in RAM, and
 * interrupts are taken, so that the link and the sampling alarm go on. A sector of board.toml is a run
 * of the chip's, of 4 KiB each, which are erased one by one, and the loop turns between them. */
#include <stdbool.h>
#include <string.h>

#include "board_config.h"
#include "esp32c3.h"
#include "hal.h"
#include "parts.h"
#include "rom.h"

#define UNIT_BYTES 4096u
#define UNIT_ERASE_MAX_MS 400u /* W25Q32JV section 9.6; typically 45 */
_Static_assert(BOARD_FLASH_BYTES <= FLASH_WINDOW_BYTES, "board.toml: more flash than the ROM maps");

static const struct hal_flash_sector sectors[] = {BOARD_FLASH_SECTORS};
static uint32_t erase_at, erase_end; /* equal: nothing to do */
static bool erase_failed, is_unlocked;

static bool inside(uint32_t at, size_t len) {
    return at <= BOARD_FLASH_BYTES && len <= BOARD_FLASH_BYTES - at;
}

static const uint8_t *address(uint32_t at) {
    return (const uint8_t *)(FLASH_WINDOW + at);
}

/* The ROM refuses what lies behind the end of a chip that it thinks is smaller. */
void flash_start(void) {
    rom_flash_config_param(0, BOARD_FLASH_BYTES, 0x10000, UNIT_BYTES, 256, 0xFFFF);
}

/* It writes the chip's status register, which wears: not more than once, and only where something is to
 * be changed at all. */
HAL_RAMCODE static bool unlock(void) {
    if (!is_unlocked)
        is_unlocked = rom_flash_unlock() == 0;
    return is_unlocked;
}

/* The cache may hold what was there before. */
HAL_RAMCODE __attribute__((noinline)) static int erase_unit(uint32_t at) {
    uint32_t autoload = rom_cache_suspend();
    int failed = !unlock() || rom_flash_erase_sector(at / UNIT_BYTES);
    rom_cache_invalidate();
    rom_cache_resume(autoload);
    return failed;
}

HAL_RAMCODE __attribute__((noinline)) static int write_words(uint32_t at, const uint32_t *words,
                                                             int32_t len) {
    uint32_t autoload = rom_cache_suspend();
    int failed = !unlock() || rom_flash_write(at, words, len);
    rom_cache_invalidate();
    rom_cache_resume(autoload);
    return failed;
}

/* The words are copied to RAM first: they may be constants. */
wm_status hal_flash_program(uint32_t at, const void *words, size_t len) {
    uint32_t part[64];
    if (!inside(at, len) || at % HAL_FLASH_WORD || len % HAL_FLASH_WORD)
        return WM_EINVAL;
    if (erase_at != erase_end)
        return WM_EBUSY;
    for (size_t done = 0; done < len; done += sizeof part) {
        size_t take = len - done < sizeof part ? len - done : sizeof part;
        memcpy(part, (const uint8_t *)words + done, take);
        if (write_words(at + (uint32_t)done, part, (int32_t)take))
            return WM_EIO;
    }
    return WM_OK;
}

wm_status hal_flash_erase_start(uint32_t at) {
    for (size_t i = 0; i < sizeof sectors / sizeof sectors[0]; i++) {
        if (sectors[i].at != at)
            continue;
        erase_at = at;
        erase_end = at + sectors[i].size;
        erase_failed = false;
        return WM_OK;
    }
    return WM_EINVAL;
}

wm_status hal_flash_erase_poll(void) {
    if (erase_at == erase_end)
        return erase_failed ? WM_EIO : WM_OK;
    erase_failed = erase_unit(erase_at) != 0;
    erase_at = erase_failed ? erase_end : erase_at + UNIT_BYTES;
    return WM_EAGAIN;
}

uint32_t hal_flash_erase_max_ms(uint32_t sector_bytes) {
    return sector_bytes / UNIT_BYTES * UNIT_ERASE_MAX_MS;
}

wm_status hal_flash_read(uint32_t at, void *out, size_t len) {
    if (!inside(at, len))
        return WM_EINVAL;
    memcpy(out, address(at), len);
    return WM_OK;
}

const uint8_t *hal_flash_map(uint32_t at, size_t len) {
    return inside(at, len) ? address(at) : NULL;
}

void hal_flash_unmap(const uint8_t *window) {
    (void)window;
}
