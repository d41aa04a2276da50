/* The store on flash that has defects, and its rules for a module that fails. What a cut of power does
 * is tests/powercut's. */
#include <string.h>

#include "cmocka_all.h"

#include "hal.h"
#include "store/commit.h"
#include "store/record_log.h"
#include "tests/powercut/nor.h"

#define KIB 1024u
static const struct geometry geometry = {
    "four banks", {4 * KIB, 4 * KIB}, 4 * KIB, {32 * KIB, 32 * KIB, 32 * KIB, 32 * KIB}};
static const uint8_t id[STORE_COUNTER_ID_BYTES] = {"flood"};

static int setup(void **state) {
    (void)state;
    nor_reset(&geometry, 1);
    return 0;
}

static void boot(bool after_power_cut) {
    assert_int_equal(store_start(), WM_OK);
    pool_start();
    for (int slot = 0; slot < MODULE_SLOTS; slot++)
        commit_boot(slot, after_power_cut);
}

static wm_status install(int slot, uint8_t fill, struct bank_writer *writer) {
    uint8_t bytes[101];
    memset(bytes, fill, sizeof bytes);
    wm_status status = pool_take(writer);
    if (status == WM_OK)
        status = pool_erased(writer);
    if (status == WM_OK)
        status = pool_append(writer, bytes, sizeof bytes);
    return status ? status : commit_install(slot, writer, (const uint8_t[STORE_NAME_BYTES]){fill});
}

static void run(int slot, uint8_t fill) {
    struct bank_writer writer;
    assert_int_equal(install(slot, fill, &writer), WM_OK);
    assert_int_equal(commit_activate(slot), WM_OK);
    assert_int_equal(commit_confirm(slot), WM_OK);
}

static uint8_t first_byte(int slot) {
    uint8_t byte = 0;
    hal_flash_read(hal_flash_sector(HAL_FLASH_BANKS, store_slot(slot)->active).at, &byte, 1);
    return byte;
}

static void test_parts_of_any_number_of_words_make_the_same_bundle(void **state) {
    (void)state;
    uint8_t bytes[301];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    boot(true);
    for (size_t part = HAL_FLASH_WORD; part < sizeof bytes + 8; part += HAL_FLASH_WORD) {
        struct bank_writer writer;
        uint8_t back[sizeof bytes];
        assert_int_equal(pool_take(&writer), WM_OK);
        assert_int_equal(pool_erased(&writer), WM_OK);
        for (size_t at = 0; at < sizeof bytes; at += part)
            assert_int_equal(
                pool_append(&writer, bytes + at, sizeof bytes - at < part ? sizeof bytes - at : part),
                WM_OK);
        assert_int_equal(writer.length, sizeof bytes);
        assert_int_equal(pool_append(&writer, bytes, 8), WM_EINVAL); /* that part was the last */
        assert_int_equal(pool_finish(&writer, (const uint8_t[STORE_NAME_BYTES]){1}), WM_OK);
        hal_flash_read(hal_flash_sector(HAL_FLASH_BANKS, (size_t)writer.bank).at, back, sizeof back);
        assert_memory_equal(back, bytes, sizeof bytes);
        assert_true(pool_check(writer.bank));
        pool_release(writer.bank);
    }
}

/* A lost answer: what is there is not programmed again, which an STM32L4 refuses. */
static void test_an_upload_that_begins_again_goes_on_behind_what_is_there(void **state) {
    (void)state;
    uint8_t bytes[301];
    struct bank_writer writer;
    memset(bytes, 0x5A, sizeof bytes);
    nor_keep_check_bits();
    boot(true);
    assert_int_equal(pool_take(&writer), WM_OK);
    assert_int_equal(pool_erased(&writer), WM_OK);
    assert_int_equal(pool_append(&writer, bytes, 64), WM_OK);
    pool_abandon(&writer);
    assert_true(pool_begins_with(bytes, 32));
    pool_take_again(&writer);
    assert_int_equal(pool_append(&writer, bytes, 32), WM_OK);
    assert_int_equal(pool_append(&writer, bytes + 32, 128), WM_OK);
    assert_int_equal(pool_append(&writer, bytes + 160, sizeof bytes - 160), WM_OK);
    assert_int_equal(pool_finish(&writer, (const uint8_t[STORE_NAME_BYTES]){1}), WM_OK);
    assert_true(pool_check(writer.bank));
}

static void test_a_bank_that_is_full_says_so(void **state) {
    (void)state;
    static const uint8_t part[1000];
    struct bank_writer writer;
    boot(true);
    assert_int_equal(pool_take(&writer), WM_OK);
    for (uint32_t at = 0; at + sizeof part <= MODULE_BANK_BYTES; at += sizeof part)
        assert_int_equal(pool_append(&writer, part, sizeof part), WM_OK);
    assert_int_equal(pool_append(&writer, part, sizeof part), WM_ENOMEM);
}

static void test_all_banks_in_use_is_busy(void **state) {
    (void)state;
    struct bank_writer writer[5];
    boot(true);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pool_take(&writer[i]), WM_OK);
    assert_int_equal(pool_take(&writer[4]), WM_EBUSY);
    pool_release(writer[2].bank);
    assert_int_equal(pool_take(&writer[4]), WM_OK);
    assert_int_equal(writer[4].bank, writer[2].bank);
}

static void test_banks_wear_alike(void **state) {
    (void)state;
    int taken[4] = {0};
    boot(true);
    for (int i = 0; i < 40; i++) {
        run(0, (uint8_t)i);
        taken[store_slot(0)->active]++;
    }
    for (int bank = 0; bank < 4; bank++)
        assert_int_equal(taken[bank], 10);
}

/* F3: the old module runs on, and another bank takes the next one. */
static void test_a_stuck_bit_refuses_the_module_and_keeps_the_old_one(void **state) {
    (void)state;
    struct bank_writer writer;
    boot(true);
    run(0, 0xAA);
    int next = (store_slot(0)->active + 1) % 4;
    nor_stick(hal_flash_sector(HAL_FLASH_BANKS, (size_t)next).at + 50, 0x02);
    assert_int_equal(install(0, 0x02, &writer), WM_EDIGEST);
    assert_int_equal(store_slot(0)->candidate, STORE_NO_BANK);
    assert_int_equal(first_byte(0), 0xAA);
    for (int i = 0; i < 8; i++)
        run(0, 0x02); /* in the others */
    boot(true);
    assert_int_equal(first_byte(0), 0x02);
}

static void test_a_dead_bank_is_left_alone(void **state) {
    (void)state;
    struct bank_writer writer;
    boot(true);
    nor_kill(hal_flash_sector(HAL_FLASH_BANKS, 1).at);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pool_take(&writer), WM_OK);
        assert_int_not_equal(writer.bank, 1);
        pool_release(writer.bank);
    }
}

static void test_records_go_around_stuck_bits(void **state) {
    (void)state;
    boot(true);
    for (uint32_t offset = 0x200; offset < 0x1000; offset += 0x100)
        nor_stick(hal_flash_sector(HAL_FLASH_RECORDS, 0).at + offset, 0xFF);
    for (uint32_t value = 1; value < 200; value++) {
        assert_int_equal(store_raise_counter(id, value), WM_OK);
        if (value % 16 == 0)
            boot(true);
        assert_int_equal(store_counter(id), value);
    }
}

static void test_a_dead_record_sector_loses_nothing(void **state) {
    (void)state;
    uint32_t value = 0;
    boot(true);
    run(0, 0x11);
    nor_kill(hal_flash_sector(HAL_FLASH_RECORDS, 1).at);
    while (store_raise_counter(id, value + 1) == WM_OK)
        value++;
    assert_true(value > 20);
    store_start();
    assert_int_equal(store_counter(id), value);
    assert_int_equal(first_byte(0), 0x11);
}

static void test_counters_never_go_back_and_have_an_end(void **state) {
    (void)state;
    boot(true);
    assert_int_equal(store_raise_counter(id, 7), WM_OK);
    assert_int_equal(store_raise_counter(id, 6), WM_EINVAL);
    assert_int_equal(store_raise_counter(id, 7), WM_OK);
    for (uint8_t i = 1; i < STORE_COUNTERS_MAX; i++)
        assert_int_equal(store_raise_counter((const uint8_t[STORE_COUNTER_ID_BYTES]){i}, 1), WM_OK);
    assert_int_equal(store_raise_counter((const uint8_t[STORE_COUNTER_ID_BYTES]){99}, 1), WM_ENOMEM);
    boot(true);
    assert_int_equal(store_counter(id), 7);
}

static void test_keys_come_and_go(void **state) {
    (void)state;
    const uint8_t key[STORE_KEY_BYTES] = {1, 2, 3};
    boot(true);
    assert_null(store_key(0));
    assert_int_equal(store_put_key(0, key), WM_OK);
    assert_int_equal(store_put_key(STORE_KEYS_MAX, key), WM_EINVAL);
    boot(true);
    assert_memory_equal(store_key(0), key, sizeof key);
    assert_int_equal(store_put_key(0, NULL), WM_OK);
    boot(true);
    assert_null(store_key(0));
}

/* F19, and the way back after a trap. */
static void test_what_is_not_confirmed_is_gone_after_a_reset(void **state) {
    (void)state;
    struct bank_writer writer;
    boot(true);
    run(0, 1);
    assert_int_equal(install(0, 2, &writer), WM_OK);
    assert_int_equal(commit_activate(0), WM_OK);
    assert_int_equal(first_byte(0), 2);
    boot(false);
    assert_int_equal(first_byte(0), 1);
    assert_int_equal(store_slot(0)->cause, STORE_RESET);
    assert_int_equal(install(0, 3, &writer), WM_OK);
    assert_int_equal(commit_activate(0), WM_OK);
    assert_int_equal(commit_roll_back(0, STORE_TRAP), WM_OK);
    assert_int_equal(first_byte(0), 1);
    assert_int_equal(commit_confirm(0), WM_ENOENT);
}

static void test_what_fails_at_boot_twice_is_in_quarantine(void **state) {
    (void)state;
    boot(true);
    run(0, 1);
    boot(false);
    boot(false);
    assert_int_equal(store_slot(0)->state, STORE_CONFIRMED);
    boot(false);
    assert_int_equal(store_slot(0)->state, STORE_QUARANTINED);
    run(0, 2);
    boot(false);
    assert_int_equal(store_slot(0)->state, STORE_CONFIRMED);
    assert_int_equal(commit_started(0), WM_OK);
    assert_int_equal(store_slot(0)->attempts, 0);
}

static void test_power_cuts_at_boot_are_not_the_modules_fault(void **state) {
    (void)state;
    boot(true);
    run(0, 1);
    for (int i = 0; i < 10; i++)
        boot(true);
    assert_int_equal(store_slot(0)->state, STORE_CONFIRMED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_parts_of_any_number_of_words_make_the_same_bundle, setup),
        cmocka_unit_test_setup(test_an_upload_that_begins_again_goes_on_behind_what_is_there, setup),
        cmocka_unit_test_setup(test_a_bank_that_is_full_says_so, setup),
        cmocka_unit_test_setup(test_all_banks_in_use_is_busy, setup),
        cmocka_unit_test_setup(test_banks_wear_alike, setup),
        cmocka_unit_test_setup(test_a_stuck_bit_refuses_the_module_and_keeps_the_old_one, setup),
        cmocka_unit_test_setup(test_a_dead_bank_is_left_alone, setup),
        cmocka_unit_test_setup(test_records_go_around_stuck_bits, setup),
        cmocka_unit_test_setup(test_a_dead_record_sector_loses_nothing, setup),
        cmocka_unit_test_setup(test_counters_never_go_back_and_have_an_end, setup),
        cmocka_unit_test_setup(test_keys_come_and_go, setup),
        cmocka_unit_test_setup(test_what_is_not_confirmed_is_gone_after_a_reset, setup),
        cmocka_unit_test_setup(test_what_fails_at_boot_twice_is_in_quarantine, setup),
        cmocka_unit_test_setup(test_power_cuts_at_boot_are_not_the_modules_fault, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
