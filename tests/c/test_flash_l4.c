/* The driver of STM32L4's flash over a model of its registers, written from RM0351 section 3.7: keys,
 * the lock, pages in two banks, the busy flag, words that are programmed once, check bits. */
#include <string.h>

#include "cmocka_all.h"

#include "hal.h"
#include "stm32l4_flash/flash_port.h"

#define CR_PG 1u
#define CR_PER 2u
#define CR_BKER (1u << 11)
#define CR_STRT (1u << 16)
#define CR_LOCK (1u << 31)
#define SR_PROGERR (1u << 3)
#define SR_WRPERR (1u << 4)
#define SR_PGSERR (1u << 7)
#define SR_BSY (1u << 16)
#define PAGE_BYTES 0x800u
#define BANK_BYTES 0x80000u
#define NOWHERE UINT32_MAX
#define BUSY_READS 3 /* how often the busy flag is seen after an operation */

static struct {
    uint8_t bytes[BOARD_FLASH_BYTES];
    uint32_t control, status;
    int keys; /* how many of the two were right; -1: locked until a reset */
    int busy; /* reads until the operation is done */
    uint32_t protected_at, torn_at;
    int erases;
} chip;

/* ---- the model ------------------------------------------------------------------------------ */

void flash_key(uint32_t key) {
    static const uint32_t right[] = {0x45670123u, 0xCDEF89ABu};
    if (chip.keys < 0 || chip.keys > 1 || key != right[chip.keys]) {
        chip.keys = -1;
        return;
    }
    if (++chip.keys == 2)
        chip.control &= ~CR_LOCK;
}

uint32_t flash_control(void) {
    return chip.control;
}

static void erase(uint32_t control) {
    uint32_t at = (control & CR_BKER ? BANK_BYTES : 0) + (control >> 3 & 0xFF) * PAGE_BYTES;
    if (at == chip.protected_at) {
        chip.status |= SR_WRPERR;
        return;
    }
    memset(chip.bytes + at, 0xFF, PAGE_BYTES);
    chip.busy = BUSY_READS;
    chip.erases++;
}

void flash_set_control(uint32_t value) {
    assert_int_equal(chip.busy, 0); /* CR is not to be written while an operation goes on */
    if (chip.control & CR_LOCK)
        return;
    chip.control = value & ~CR_STRT;
    if (value & CR_LOCK)
        chip.keys = 0;
    if (!(value & CR_STRT))
        return;
    assert_int_equal(value & (CR_PG | CR_PER), CR_PER);
    erase(value);
}

uint32_t flash_status(void) {
    if (chip.busy > 0 && --chip.busy >= 0)
        return chip.status | SR_BSY;
    return chip.status;
}

void flash_clear_status(uint32_t flags) {
    chip.status &= ~flags;
}

/* A word that is not blank takes zeros only. */
void flash_store(uint32_t at, uint32_t low, uint32_t high) {
    static const uint8_t blank[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    const uint32_t word[] = {low, high};
    assert_int_equal(chip.busy, 0);
    assert_int_equal(at % 8, 0);
    if ((chip.control & CR_LOCK) || !(chip.control & CR_PG))
        chip.status |= SR_PGSERR;
    else if (at == chip.protected_at)
        chip.status |= SR_WRPERR;
    else if (memcmp(chip.bytes + at, blank, sizeof blank) != 0 && (low || high))
        chip.status |= SR_PROGERR;
    else
        memcpy(chip.bytes + at, word, sizeof word);
    chip.busy = BUSY_READS;
}

const uint8_t *flash_address(uint32_t at) {
    return chip.bytes + at;
}

/* Reading a torn word raises the NMI. */
void flash_copy(void *out, uint32_t at, size_t len) {
    memcpy(out, chip.bytes + at, len);
    if (chip.torn_at >= at && chip.torn_at < at + len)
        flash_is_torn = true;
}

uint32_t hal_irq_lock(void) {
    return 0;
}

void hal_irq_unlock(uint32_t state) {
    (void)state;
}

static int power_on(void **state) {
    (void)state;
    memset(&chip, 0, sizeof chip);
    chip.control = CR_LOCK;
    chip.protected_at = NOWHERE;
    chip.torn_at = NOWHERE;
    return 0;
}

/* ---- the driver ------------------------------------------------------------------------------ */

/* Asks until it is done. */
static wm_status erase_all_of(uint32_t at) {
    wm_status status = hal_flash_erase_start(at);
    if (status)
        return status;
    do
        status = hal_flash_erase_poll();
    while (status == WM_EAGAIN);
    return status;
}

static void a_sector_is_its_pages(void **state) {
    (void)state;
    assert_int_equal(erase_all_of(0x81000), WM_OK);
    for (uint32_t at = 0; at < BOARD_FLASH_BYTES; at += PAGE_BYTES)
        assert_int_equal(chip.bytes[at], at >= 0x81000 && at < 0x82000 ? 0xFF : 0);
    assert_int_equal(chip.erases, 2);
    assert_true(chip.control & CR_LOCK);
    assert_int_equal(erase_all_of(0x84000), WM_OK);
    assert_int_equal(chip.erases, 2 + 32);
    assert_int_equal(chip.bytes[0x84000 + 0xFFFF], 0xFF);
    assert_int_equal(erase_all_of(0), WM_OK);
    assert_int_equal(chip.bytes[BANK_BYTES - 1], 0xFF);
    assert_int_equal(chip.bytes[BANK_BYTES], 0);
}

static void while_it_erases_nothing_else_begins(void **state) {
    (void)state;
    const uint8_t word[HAL_FLASH_WORD] = {0};
    assert_int_equal(hal_flash_erase_start(0x80000), WM_OK);
    assert_int_equal(hal_flash_program(0x84000, word, sizeof word), WM_EBUSY);
    assert_int_equal(hal_flash_erase_start(0x81000), WM_EBUSY);
    assert_int_equal(hal_flash_erase_poll(), WM_EAGAIN);
    while (hal_flash_erase_poll() == WM_EAGAIN)
        ;
    assert_int_equal(chip.erases, 2);
    assert_int_equal(hal_flash_erase_poll(), WM_OK); /* and so it stays */
}

static void what_is_no_sector_is_refused(void **state) {
    (void)state;
    assert_int_equal(hal_flash_erase_start(0x80800), WM_EINVAL);
    assert_int_equal(hal_flash_erase_start(BOARD_FLASH_BYTES), WM_EINVAL);
    assert_int_equal(chip.erases, 0);
}

static void a_word_is_programmed_once_and_cleared(void **state) {
    (void)state;
    const uint8_t bytes[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, zeros[16] = {0};
    memset(chip.bytes, 0xFF, sizeof chip.bytes);
    assert_int_equal(hal_flash_program(0x80000, bytes, sizeof bytes), WM_OK);
    assert_memory_equal(chip.bytes + 0x80000, bytes, sizeof bytes);
    assert_int_equal(chip.bytes[0x80010], 0xFF);
    assert_int_equal(hal_flash_program(0x80008, bytes, HAL_FLASH_WORD), WM_EIO);
    assert_memory_equal(chip.bytes + 0x80000, bytes, sizeof bytes);
    assert_int_equal(hal_flash_program(0x80000, zeros, sizeof zeros), WM_OK);
    assert_memory_equal(chip.bytes + 0x80000, zeros, sizeof zeros);
    assert_true(chip.control & CR_LOCK);
}

static void misaligned_and_outside_are_refused(void **state) {
    (void)state;
    uint8_t word[HAL_FLASH_WORD] = {0};
    assert_int_equal(hal_flash_program(0x80004, word, sizeof word), WM_EINVAL);
    assert_int_equal(hal_flash_program(0x80000, word, 4), WM_EINVAL);
    assert_int_equal(hal_flash_program(BOARD_FLASH_BYTES, word, sizeof word), WM_EINVAL);
    assert_int_equal(hal_flash_read(BOARD_FLASH_BYTES - 2, word, 4), WM_EINVAL);
    assert_int_equal(hal_flash_read(UINT32_MAX, word, 4), WM_EINVAL);
    assert_null(hal_flash_map(BOARD_FLASH_BYTES, 1));
    assert_ptr_equal(hal_flash_map(0x84000, 0x10000), chip.bytes + 0x84000);
}

static void errors_are_reported_and_forgotten(void **state) {
    (void)state;
    const uint8_t bytes[24] = {1};
    memset(chip.bytes, 0xFF, sizeof chip.bytes);
    chip.protected_at = 0x80800;
    assert_int_equal(erase_all_of(0x80000), WM_EIO);
    assert_int_equal(chip.erases, 1); /* of two pages */
    assert_int_equal(hal_flash_program(0x80800 - 8, bytes, sizeof bytes), WM_EIO);
    assert_int_equal(chip.bytes[0x80808], 0xFF); /* not beyond the first error */
    assert_int_equal(hal_flash_program(0x81000, bytes, sizeof bytes), WM_OK);
    assert_int_equal(erase_all_of(0x81000), WM_OK);
}

static void a_torn_word_cannot_be_read(void **state) {
    (void)state;
    uint8_t bytes[16];
    chip.torn_at = 0x80008;
    assert_int_equal(hal_flash_read(0x80000, bytes, 8), WM_OK);
    assert_int_equal(hal_flash_read(0x80000, bytes, 16), WM_EIO);
    assert_int_equal(hal_flash_read(0x80010, bytes, 16), WM_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_sector_is_its_pages, power_on),
        cmocka_unit_test_setup(while_it_erases_nothing_else_begins, power_on),
        cmocka_unit_test_setup(what_is_no_sector_is_refused, power_on),
        cmocka_unit_test_setup(a_word_is_programmed_once_and_cleared, power_on),
        cmocka_unit_test_setup(misaligned_and_outside_are_refused, power_on),
        cmocka_unit_test_setup(errors_are_reported_and_forgotten, power_on),
        cmocka_unit_test_setup(a_torn_word_cannot_be_read, power_on),
    };
    return cmocka_run_group_tests_name("flash_l4", tests, NULL, NULL);
}
