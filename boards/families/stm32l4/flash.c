/* Erasing and programming (RM0351 sections 3.3.5 to 3.3.7): 64 bits at a time, which are programmed
 * once, and then at most to zeros. Firmware and the node's sectors lie in banks of their own, so that
 * the core goes on fetching from one while the other is busy: an erase only begins here, and goes on
 * page by page whenever somebody asks after it. */
#include <flash_port.h> /* found on the path: the tests have their own */
#include "hal.h"

#define PAGE_BYTES 2048u
#define PAGE_ERASE_MAX_MS 25u /* DS10969 table 54; typically 22 */
#define BANK_BYTES (BOARD_FLASH_BYTES / 2)
#define KEY1 0x45670123u
#define KEY2 0xCDEF89ABu
#define CR_PG (1u << 0)
#define CR_PER (1u << 1)
#define CR_PNB(page) ((uint32_t)(page) << 3)
#define CR_BKER (1u << 11) /* the page is in bank 2 */
#define CR_STRT (1u << 16)
#define CR_LOCK (1u << 31)
#define SR_EOP (1u << 0)
#define SR_ERRORS 0x3FAu /* OPERR, PROGERR, WRPERR, PGAERR, SIZERR, PGSERR, MISERR, FASTERR */
#define SR_BSY (1u << 16)

static const struct hal_flash_sector sectors[] = {BOARD_FLASH_SECTORS};
#define SECTORS (sizeof sectors / sizeof sectors[0])
volatile bool flash_is_torn;
static uint32_t erase_at, erase_end; /* the pages that are left */
static wm_status erased;

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

/* A word takes 82 us, at most 91 (DS10969 table 54). */
static void store_word(uint32_t at, const uint8_t *bytes) {
    uint32_t word[2];
    memcpy(word, bytes, sizeof word);
    uint32_t state = hal_irq_lock(); /* nothing may come between the halves */
    flash_store(at, word[0], word[1]);
    hal_irq_unlock(state);
    while (flash_status() & SR_BSY)
        ;
}

wm_status hal_flash_program(uint32_t at, const void *words, size_t len) {
    if (!inside(at, len) || at % HAL_FLASH_WORD || len % HAL_FLASH_WORD)
        return WM_EINVAL;
    if (erase_at != erase_end)
        return WM_EBUSY;
    unlock();
    flash_set_control(CR_PG);
    for (size_t i = 0; i < len && !(flash_status() & SR_ERRORS); i += HAL_FLASH_WORD)
        store_word(at + (uint32_t)i, (const uint8_t *)words + i);
    return lock();
}

static void erase_page(void) {
    uint32_t bank = erase_at >= BANK_BYTES ? CR_BKER : 0;
    uint32_t control = CR_PER | CR_PNB(erase_at % BANK_BYTES / PAGE_BYTES) | bank;
    unlock();
    flash_set_control(control);
    flash_set_control(control | CR_STRT);
}

wm_status hal_flash_erase_start(uint32_t at) {
    if (erase_at != erase_end)
        return WM_EBUSY;
    for (size_t number = 0; number < SECTORS; number++) {
        if (sectors[number].at != at)
            continue;
        erase_at = at;
        erase_end = at + sectors[number].size;
        erase_page();
        return WM_OK;
    }
    return WM_EINVAL;
}

wm_status hal_flash_erase_poll(void) {
    if (erase_at == erase_end)
        return erased;
    if (flash_status() & SR_BSY)
        return WM_EAGAIN;
    erased = lock();
    erase_at = erased ? erase_end : erase_at + PAGE_BYTES;
    if (erase_at == erase_end)
        return erased;
    erase_page();
    return WM_EAGAIN;
}

uint32_t hal_flash_erase_max_ms(uint32_t sector_bytes) {
    return sector_bytes / PAGE_BYTES * PAGE_ERASE_MAX_MS;
}

wm_status hal_flash_read(uint32_t at, void *out, size_t len) {
    if (!inside(at, len))
        return WM_EINVAL;
    flash_is_torn = false;
    flash_copy(out, at, len);
    return flash_is_torn ? WM_EIO : WM_OK;
}

const uint8_t *hal_flash_map(uint32_t at, size_t len) {
    return inside(at, len) ? flash_address(at) : NULL;
}

void hal_flash_unmap(const uint8_t *window) {
    (void)window;
}
