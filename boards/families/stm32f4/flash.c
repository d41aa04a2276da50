/* Erasing and programming (RM0090 sections 3.6 and 3.9; RM0033 and PM0059 for STM32F2): 32 bits at a
 * time, which wants 2.7 V at least. */
#include <flash_port.h> /* found on the path: the tests have their own */
#include "flash_times.h"
#include "hal.h"

#define KEY1 0x45670123u
#define KEY2 0xCDEF89ABu
#define CR_PG (1u << 0)
#define CR_SER (1u << 1)
#define CR_SNB(sector) ((uint32_t)(sector) << 3)
#define CR_PSIZE_32 (2u << 8)
#define CR_STRT (1u << 16)
#define CR_LOCK (1u << 31)
#define SR_EOP (1u << 0)
#define SR_ERRORS 0xF2u /* OPERR, WRPERR, PGAERR, PGPERR, PGSERR */

static const struct hal_flash_sector sectors[] = {BOARD_FLASH_SECTORS};
#define SECTORS (sizeof sectors / sizeof sectors[0])
static wm_status erased; /* how the last erase ended */

static bool inside(uint32_t at, size_t len) {
    return at <= BOARD_FLASH_BYTES && len <= BOARD_FLASH_BYTES - at;
}

/* Errors of an operation before would be taken for this one's. */
static void unlock(void) {
    if (flash_control() & CR_LOCK) {
        flash_key(KEY1);
        flash_key(KEY2);
    }
    flash_clear_status(SR_EOP | SR_ERRORS);
}

static wm_status lock(void) {
    uint32_t status = flash_status();
    flash_set_control(CR_LOCK);
    return status & SR_ERRORS ? WM_EIO : WM_OK;
}

/* A word takes 16 us, at most 100 (DS8626 table 41); fetching the next instruction waits for it, so this
 * loop turns once or twice. */
static void store_word(uint32_t at, const uint8_t *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    flash_store(at, word);
    while (flash_status() & FLASH_SR_BSY)
        ;
}

wm_status hal_flash_program(uint32_t at, const void *words, size_t len) {
    if (!inside(at, len) || at % HAL_FLASH_WORD || len % HAL_FLASH_WORD)
        return WM_EINVAL;
    unlock();
    flash_set_control(CR_PSIZE_32 | CR_PG);
    for (size_t i = 0; i < len && !(flash_status() & SR_ERRORS); i += sizeof(uint32_t))
        store_word(at + (uint32_t)i, (const uint8_t *)words + i);
    return lock();
}

wm_status hal_flash_erase_start(uint32_t at) {
    for (size_t number = 0; number < SECTORS; number++) {
        if (sectors[number].at != at)
            continue;
        uint32_t control = CR_PSIZE_32 | CR_SER | CR_SNB(number);
        unlock();
        flash_set_control(control);
        flash_wait_for(control | CR_STRT);
        flash_forget_cache();
        erased = lock();
        return WM_OK;
    }
    return WM_EINVAL;
}

wm_status hal_flash_erase_poll(void) {
    return erased;
}

uint32_t hal_flash_erase_max_ms(uint32_t sector_bytes) {
    return flash_erase_max_ms(sector_bytes);
}

wm_status hal_flash_read(uint32_t at, void *out, size_t len) {
    if (!inside(at, len))
        return WM_EINVAL;
    memcpy(out, flash_address(at), len);
    return WM_OK;
}

const uint8_t *hal_flash_map(uint32_t at, size_t len) {
    return inside(at, len) ? flash_address(at) : NULL;
}

void hal_flash_unmap(const uint8_t *window) {
    (void)window;
}
