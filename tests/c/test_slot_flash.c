/* Slots over flash that fails, is slow to erase, or holds bytes already, with the real engine. */
#include "life_fixture.h"

#include "config.h"
#include "node/sampler.h"
#include "store/commit.h"

static void flash_that_takes_no_record_refuses_and_changes_nothing(void **state) {
    struct release v2 = second();
    (void)state;
    run_confirmed(0, &v1);
    ASSERT_OK(install(0, &v2));
    nor_protect(HAL_FLASH_RECORDS, true);
    size_t before = runtime_arena_free();
    assert_int_equal(swap(0), WM_EIO);
    assert_non_null(strstr(why, "flash"));
    assert_int_equal(runtime_arena_free(), before);
    assert_int_equal(slot_stop(0, why, sizeof why), WM_EIO);
    assert_int_equal(slot_remove(0, why, sizeof why), WM_EIO);
    feed(1);
    assert_runs(0, "1");
    assert_true(newest(0, 0) == 1);
    nor_protect(HAL_FLASH_RECORDS, false);
    reset(POWER_CUT);
    assert_runs(0, "1");
    ASSERT_OK(swap(0));
    nor_protect(HAL_FLASH_RECORDS, true);
    assert_int_equal(slot_confirm(0, why, sizeof why), WM_EIO);
    assert_int_equal(slot_roll_back(0, why, sizeof why), WM_EIO);
    assert_runs(0, "2");
    nor_protect(HAL_FLASH_RECORDS, false);
    reset(POWER_CUT);
}

static void a_bank_that_takes_no_bytes_refuses_the_upload(void **state) {
    struct release v2 = second();
    (void)state;
    run_confirmed(0, &v1);
    v2.padding = 2000;
    begin_upload(0, &v2);
    nor_protect(HAL_FLASH_BANKS, true);
    size_t len = make_bundle(&v2, bundle, sizeof bundle);
    assert_int_equal(send_blocks(0, BLOCK, len, len), WM_EIO);
    assert_non_null(strstr(why, "flash"));
    assert_false(pool_begins_with(bundle, BLOCK)); /* another bank may do better */
    nor_protect(HAL_FLASH_BANKS, false);
    feed(1);
    assert_runs(0, "1");
    swap_to(0, &v2);
}

static void nothing_is_erased_between_an_upload_and_what_becomes_of_it(void **state) {
    struct release v2 = second();
    (void)state;
    run_confirmed(0, &v1);
    for (int round = 0; round < 120; round++) { /* records fill their sector more than once */
        ASSERT_OK(install(0, &v2));
        uint32_t records = store_erases(), banks = pool_erases();
        ASSERT_OK(swap(0));
        ASSERT_OK(round % 2 ? slot_confirm(0, why, sizeof why) : slot_roll_back(0, why, sizeof why));
        assert_int_equal(store_erases(), records);
        assert_int_equal(pool_erases(), banks);
    }
    assert_true(store_erases() > 2);
}

static void a_bank_that_fell_free_is_erased_for_the_next_upload(void **state) {
    struct release v2 = second();
    (void)state;
    nor_erase_takes(100);
    run_confirmed(0, &v1);
    swap_to(0, &v2);
    ASSERT_OK(slot_confirm(0, why, sizeof why));
    size_t len = make_bundle(&v1, bundle, sizeof bundle);
    assert_int_equal(pool_prepared(), WM_ENOENT);
    fake_advance_us(1500000);
    assert_int_equal(pool_prepared(), WM_EAGAIN); /* not yet */
    fake_advance_us(1500000);
    assert_int_equal(pool_prepared(), WM_OK);
    uint32_t erases = pool_erases();
    ASSERT_OK(send_blocks(0, 0, len, len));
    assert_int_equal(pool_erases(), erases);
}

/* The loop has stood still for as long as an erase takes, at 100 readings a second. */
static void let_readings_wait(void) {
    sensor_pace(0, 10);
    fake_stand_still_us(2000000);
    assert_int_equal(sampler_waiting(), 200);
}

static void restore_pace(void) {
    sensor_pace(0, SENSOR_PERIOD_MS);
}

static void no_bank_is_erased_ahead_while_readings_wait(void **state) {
    struct release v2 = second();
    (void)state;
    run_confirmed(0, &v1);
    swap_to(0, &v2);
    ASSERT_OK(slot_confirm(0, why, sizeof why));
    uint32_t erases = pool_erases();
    let_readings_wait();
    while (sampler_waiting() > 1) {
        loop_run_once(); /* the timer is overdue in the first of these turns */
        assert_int_equal(pool_erases(), erases);
    }
    fake_advance_us(100000);
    assert_int_equal(pool_erases(), erases + 1);
    restore_pace();
}

static void an_upload_waits_with_its_erase_for_the_readings(void **state) {
    (void)state;
    uint32_t erases = pool_erases();
    size_t len = offer_head(0, &v1, BLOCK);
    assert_true(slot_upload_waits(0));
    let_readings_wait();
    assert_int_equal(slot_upload_prepare(0, true, why, sizeof why), WM_EAGAIN);
    assert_int_equal(pool_erases(), erases);
    assert_int_equal(slot_upload_prepare(0, false, why, sizeof why), WM_OK); /* but not for ever */
    assert_int_equal(pool_erases(), erases + 1);
    fake_settle();
    ASSERT_OK(send_blocks(0, 0, len, len));
    restore_pace();
}

static void records_and_a_bank_are_not_erased_in_one_go(void **state) {
    struct release v2 = second();
    (void)state;
    run_confirmed(0, &v1);
    ASSERT_OK(install(0, &v2));
    while (store_room() >= COMMIT_RECORDS) {
        ASSERT_OK(swap(0));
        ASSERT_OK(slot_roll_back(0, why, sizeof why));
        if (store_room() >= COMMIT_RECORDS)
            ASSERT_OK(install(0, &v2));
    }
    uint32_t records = store_erases(), banks = pool_erases();
    (void)offer_head(0, &v2, BLOCK);
    assert_int_equal(slot_upload_prepare(0, true, why, sizeof why), WM_EAGAIN);
    assert_int_equal(store_erases(), records + 1);
    assert_int_equal(pool_erases(), banks);
    let_readings_wait();
    assert_int_equal(slot_upload_prepare(0, true, why, sizeof why), WM_EAGAIN);
    assert_int_equal(pool_erases(), banks);
    fake_settle();
    while (slot_upload_prepare(0, true, why, sizeof why) == WM_EAGAIN)
        fake_settle();
    assert_int_equal(pool_erases(), banks + 1);
    restore_pace();
}

static void it_is_quiet_for_a_second_after_an_upload_before_anything_is_erased(void **state) {
    struct release v2 = second();
    (void)state;
    run_confirmed(0, &v1);
    swap_to(0, &v2);
    ASSERT_OK(slot_confirm(0, why, sizeof why)); /* a bank falls free */
    v2.sequence = 3;
    v2.padding = 2000;
    begin_upload(0, &v2);
    uint32_t erases = pool_erases();
    size_t len = make_bundle(&v2, bundle, sizeof bundle);
    fake_advance_us(3000000); /* a slow line */
    ASSERT_OK(send_blocks(0, BLOCK, len, len));
    fake_advance_us(900000);
    assert_int_equal(pool_erases(), erases);
    fake_advance_us(200000);
    assert_int_equal(pool_erases(), erases + 1);
}

static void records_get_room_although_changes_never_stop(void **state) {
    (void)state;
    run_confirmed(0, &v1);
    uint32_t erases = store_erases();
    for (int change = 0; change < 600; change++) {
        ASSERT_OK(change % 2 ? start(0) : slot_stop(0, why, sizeof why));
        assert_true(store_room() > 0); /* so that none of them erases where readings are not asked */
        fake_advance_us(100000);
    }
    assert_true(store_erases() > erases + 1);
}

/* Three blocks of more; returns the length of the bundle. */
static size_t begin_large_upload(void) {
    struct release large = v1;
    large.padding = 2000;
    begin_upload(0, &large);
    size_t len = make_bundle(&large, bundle, sizeof bundle);
    ASSERT_OK(send_blocks(0, BLOCK, 3 * BLOCK, len));
    return len;
}

static void an_upload_that_begins_again_goes_on_in_its_bank(void **state) {
    (void)state;
    size_t len = begin_large_upload();
    uint32_t erases = pool_erases();
    slot_upload_abandon(0);
    (void)offer_block(0, 0, 4 * BLOCK, len); /* larger than what is there */
    assert_false(slot_upload_waits(0));
    slot_upload_abandon(0);
    ASSERT_OK(send_blocks(0, 0, len, len));
    assert_int_equal(pool_erases(), erases);
    ASSERT_OK(start(0));
}

static void an_upload_that_goes_on_with_other_bytes_begins_anew(void **state) {
    (void)state;
    size_t len = begin_large_upload();
    slot_upload_abandon(0);
    ASSERT_OK(send_blocks(0, 0, BLOCK, len));
    bundle[2 * BLOCK] ^= 0xFF;
    assert_int_equal(send_blocks(0, BLOCK, 3 * BLOCK, len), WM_EAGAIN);
    assert_false(pool_begins_with(bundle, BLOCK)); /* it would end there again */
    bundle[2 * BLOCK] ^= 0xFF;
    ASSERT_OK(send_blocks(0, 0, len, len));
    ASSERT_OK(start(0));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(flash_that_takes_no_record_refuses_and_changes_nothing),
        TEST(a_bank_that_takes_no_bytes_refuses_the_upload),
        TEST(nothing_is_erased_between_an_upload_and_what_becomes_of_it),
        TEST(a_bank_that_fell_free_is_erased_for_the_next_upload),
        TEST(no_bank_is_erased_ahead_while_readings_wait),
        TEST(an_upload_waits_with_its_erase_for_the_readings),
        TEST(records_and_a_bank_are_not_erased_in_one_go),
        TEST(it_is_quiet_for_a_second_after_an_upload_before_anything_is_erased),
        TEST(records_get_room_although_changes_never_stop),
        TEST(an_upload_that_begins_again_goes_on_in_its_bank),
        TEST(an_upload_that_goes_on_with_other_bytes_begins_anew),
    };
    return cmocka_run_group_tests_name("slot flash", tests, NULL, NULL);
}
