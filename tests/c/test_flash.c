/* The driver of STM32F4's and STM32F2's flash over a model of its registers, written from RM0090
 * section 3.9: keys, the lock, sector numbers, the busy flag, errors, uneven sectors, bits that are only
 * cleared. */
#include <string.h>

#include "cmocka_all.h"

#include "hal.h"
#include "stm32_flash/flash_port.h"

#define CR_PG 1u
#define CR_SER 2u
#define CR_MER 4u
#define CR_STRT (1u << 16)
#define CR_LOCK (1u << 31)
#define SR_OPERR (1u << 1)
#define SR_WRPERR (1u << 4)
#define SR_PGPERR (1u << 6)
#define SR_PGSERR (1u << 7)
#define BUSY_READS 3 /* how often the busy flag is seen after an operation */

static const struct hal_flash_sector map[] = {BOARD_FLASH_SECTORS};
static struct {
    uint8_t bytes[BOARD_FLASH_BYTES];
    uint32_t control, status;
    int keys;              /* how many of the two were right; -1: locked until a reset */
    int busy;              /* reads until the operation is done */
    uint32_t protected_at; /* a sector that may not be written, by its first byte */
    int erases, stale;     /* sectors erased; of these, since the cache was cleared */
} chip;

/* ---- the model ------------------------------------------------------------------------------ */

void flash_key(uint32_t key) {
    static const uint32_t right[] = {0x45670123u, 0xCDEF89ABu};
    if (chip.keys < 0 || chip.keys > 1 || key != right[chip.keys]) {
        chip.keys = -1; /* a wrong key, or one too many, is a bus error and locks until a reset */
        return;
    }
    if (++chip.keys == 2)
        chip.control &= ~CR_LOCK;
}

uint32_t flash_control(void) {
    return chip.control;
}

static void erase(uint32_t number) {
    const struct hal_flash_sector *sector = &map[number];
    assert_in_range(number, 0, sizeof map / sizeof map[0] - 1);
    if (sector->at == chip.protected_at) {
        chip.status |= SR_WRPERR | SR_OPERR;
        return;
    }
    memset(chip.bytes + sector->at, 0xFF, sector->size);
    chip.busy = BUSY_READS;
    chip.erases++;
    chip.stale++;
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
    assert_int_equal(value & (CR_PG | CR_SER | CR_MER), CR_SER); /* one sector and nothing else */
    assert_int_equal(value >> 8 & 3, 2);
    erase(value >> 3 & 15);
}

uint32_t flash_status(void) {
    if (chip.busy > 0 && --chip.busy >= 0)
        return chip.status | FLASH_SR_BSY;
    return chip.status;
}

void flash_clear_status(uint32_t flags) {
    chip.status &= ~flags;
}

void flash_store(uint32_t at, uint32_t word) {
    assert_int_equal(chip.busy, 0);
    assert_int_equal(at % 4, 0);
    if ((chip.control & CR_LOCK) || !(chip.control & CR_PG)) {
        chip.status |= SR_PGSERR;
        return;
    }
    if ((chip.control >> 8 & 3) != 2) {
        chip.status |= SR_PGPERR;
        return;
    }
    if (at >= chip.protected_at && at < chip.protected_at + 0x4000) {
        chip.status |= SR_WRPERR;
        return;
    }
    for (int i = 0; i < 4; i++)
        chip.bytes[at + (uint32_t)i] &= (uint8_t)(word >> 8 * i);
    chip.busy = BUSY_READS;
}

const uint8_t *flash_address(uint32_t at) {
    return chip.bytes + at;
}

void flash_forget_cache(void) {
    assert_int_equal(chip.busy, 0);
    chip.stale = 0;
}

void flash_wait_for(unsigned control) {
    flash_set_control(control);
    while (flash_status() & FLASH_SR_BSY)
        ;
}

static int power_on(void **state) {
    (void)state;
    memset(&chip, 0, sizeof chip);
    chip.control = CR_LOCK;
    chip.protected_at = UINT32_MAX;
    return 0;
}

/* ---- the driver ------------------------------------------------------------------------------ */

static void test_each_sector_is_erased_alone(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++) {
        memset(chip.bytes, 0, sizeof chip.bytes);
        assert_int_equal(hal_flash_erase_start(map[i].at), WM_OK);
        assert_int_equal(hal_flash_erase_poll(), WM_OK);
        for (uint32_t at = 0; at < BOARD_FLASH_BYTES; at += 0x1000)
            assert_int_equal(chip.bytes[at], at >= map[i].at && at < map[i].at + map[i].size ? 0xFF : 0);
        assert_true(chip.control & CR_LOCK);
        assert_int_equal(chip.stale, 0);
    }
    assert_int_equal(chip.erases, 12);
}

static void test_what_is_no_sector_is_refused(void **state) {
    (void)state;
    assert_int_equal(hal_flash_erase_start(0x12000), WM_EINVAL);
    assert_int_equal(hal_flash_erase_start(BOARD_FLASH_BYTES), WM_EINVAL);
    assert_int_equal(chip.erases, 0);
    assert_true(chip.control & CR_LOCK);
}

static void test_programming_clears_bits_and_locks_again(void **state) {
    (void)state;
    const uint8_t first[8] = {0xF0, 1, 2, 3, 4, 5, 6, 7}, then[8] = {0x3C, 1, 2, 3, 4, 5, 6, 7};
    memset(chip.bytes, 0xFF, sizeof chip.bytes);
    assert_int_equal(hal_flash_program(0x4000, first, sizeof first), WM_OK);
    assert_memory_equal(chip.bytes + 0x4000, first, sizeof first);
    assert_int_equal(chip.bytes[0x4008], 0xFF);
    assert_int_equal(hal_flash_program(0x4000, then, sizeof then), WM_OK);
    assert_int_equal(chip.bytes[0x4000], 0x30);
    assert_true(chip.control & CR_LOCK);
}

static void test_misaligned_and_outside_are_refused(void **state) {
    (void)state;
    uint8_t word[HAL_FLASH_WORD] = {0};
    assert_int_equal(hal_flash_program(0x4004, word, sizeof word), WM_EINVAL);
    assert_int_equal(hal_flash_program(0x4000, word, 4), WM_EINVAL);
    assert_int_equal(hal_flash_program(BOARD_FLASH_BYTES, word, sizeof word), WM_EINVAL);
    assert_int_equal(hal_flash_read(BOARD_FLASH_BYTES - 2, word, 4), WM_EINVAL);
    assert_int_equal(hal_flash_read(UINT32_MAX, word, 4), WM_EINVAL);
    assert_null(hal_flash_map(BOARD_FLASH_BYTES, 1));
    assert_ptr_equal(hal_flash_map(0x40000, 0x20000), chip.bytes + 0x40000);
}

static void test_errors_are_reported_and_forgotten(void **state) {
    (void)state;
    uint8_t word[HAL_FLASH_WORD] = {0};
    memset(chip.bytes, 0xFF, sizeof chip.bytes);
    chip.protected_at = 0x8000;
    assert_int_equal(hal_flash_program(0x8000, word, sizeof word), WM_EIO);
    assert_int_equal(chip.bytes[0x8000], 0xFF);
    assert_int_equal(hal_flash_erase_start(0x8000), WM_OK);
    assert_int_equal(hal_flash_erase_poll(), WM_EIO);
    assert_int_equal(hal_flash_program(0x4000, word, sizeof word),
                     WM_OK); /* not held against this one */
    assert_int_equal(hal_flash_erase_start(0x4000), WM_OK);
    assert_int_equal(hal_flash_erase_poll(), WM_OK);
}

static void test_programming_stops_at_the_first_error(void **state) {
    (void)state;
    const uint8_t zeros[16] = {0};
    memset(chip.bytes, 0xFF, sizeof chip.bytes);
    chip.protected_at = 0x8000;
    assert_int_equal(hal_flash_program(0x7FF8, zeros, sizeof zeros), WM_EIO);
    assert_int_equal(chip.bytes[0x7FFF], 0);
    assert_int_equal(chip.bytes[0x8000], 0xFF);
}

static void test_a_wrong_key_locks_until_a_reset(void **state) {
    (void)state;
    uint8_t word[HAL_FLASH_WORD] = {0};
    memset(chip.bytes, 0xFF, sizeof chip.bytes);
    flash_key(0x12345678u); /* somebody else's mistake */
    assert_int_equal(hal_flash_program(0x4000, word, sizeof word), WM_EIO);
    assert_int_equal(chip.bytes[0x4000], 0xFF);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_sector_is_erased_alone, power_on),
        cmocka_unit_test_setup(test_what_is_no_sector_is_refused, power_on),
        cmocka_unit_test_setup(test_programming_clears_bits_and_locks_again, power_on),
        cmocka_unit_test_setup(test_misaligned_and_outside_are_refused, power_on),
        cmocka_unit_test_setup(test_errors_are_reported_and_forgotten, power_on),
        cmocka_unit_test_setup(test_programming_stops_at_the_first_error, power_on),
        cmocka_unit_test_setup(test_a_wrong_key_locks_until_a_reset, power_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
