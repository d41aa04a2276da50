/* What is in the slots after a reset, with the real engine: by whose fault it came, and what ran before
 * it. */
#include "life_fixture.h"

#include "node/slot_table.h"

static void what_was_confirmed_runs_again_after_a_cut_of_power(void **state) {
    (void)state;
    run_confirmed(1, &v1);
    feed(1);
    reset(POWER_CUT);
    assert_int_equal(slot_at(0)->state, SLOT_EMPTY);
    assert_runs(1, "1");
    feed(1);
    assert_true(newest(1, 0) == 1);
    assert_int_equal(numbers_given(1), 1);
    assert_int_equal(slot_at(1)->candidate, NULL);
}

static void a_candidate_is_there_again(void **state) {
    struct release v2 = second();
    (void)state;
    run_confirmed(0, &v1);
    ASSERT_OK(install(0, &v2));
    reset(POWER_CUT);
    assert_runs(0, "1");
    ASSERT_OK(swap(0));
    assert_runs(0, "2");
}

static void what_was_on_probation_goes_back_at_a_reset(void **state) {
    struct release v2 = second();
    uint8_t digest[SHA256_BYTES];
    (void)state;
    run_confirmed(0, &v1);
    swap_to(0, &v2);
    memcpy(digest, slot_at(0)->active->manifest.digest, sizeof digest);
    assert_string_equal(slot_at(0)->fallback.version, "1");
    reset(FAULT);
    assert_runs(0, "1");
    assert_failed(0, STORE_RESET, digest);
    assert_false(slot_is_on_probation(0));
    reset(POWER_CUT);
    assert_failed(0, STORE_RESET, digest); /* still */
}

static void a_first_module_stays_on_probation_over_a_reset(void **state) {
    (void)state;
    run(0, &v1);
    assert_true(slot_is_on_probation(0));
    assert_false(slot_has_fallback(0));
    reset(POWER_CUT);
    assert_runs(0, "1");
    assert_int_equal(slot_at(0)->probation_left, MODULE_PROBATION_EVENTS);
}

static void what_was_stopped_stays_so_until_it_is_started(void **state) {
    (void)state;
    run_confirmed(0, &v1);
    ASSERT_OK(slot_stop(0, why, sizeof why));
    reset(POWER_CUT);
    assert_int_equal(slot_at(0)->state, SLOT_STOPPED);
    ASSERT_OK(start(0));
    reset(POWER_CUT);
    assert_runs(0, "1");
}

static void an_escape_starts_nothing(void **state) {
    (void)state;
    run_confirmed(0, &v1);
    for (int i = 0; i < 4; i++)
        reset(ESCAPE);
    assert_int_equal(slot_at(0)->state, SLOT_STOPPED);
    ASSERT_OK(start(0));
    assert_runs(0, "1");
}

static void what_resets_the_node_twice_is_in_quarantine(void **state) {
    uint8_t digest[SHA256_BYTES];
    (void)state;
    run_confirmed(0, &v1);
    memcpy(digest, slot_at(0)->active->manifest.digest, sizeof digest);
    reset(FAULT);
    for (int i = 0; i < 5; i++)
        reset(POWER_CUT); /* nobody's fault */
    reset(FAULT);
    assert_runs(0, "1");
    reset(FAULT);
    assert_int_equal(slot_at(0)->state, SLOT_QUARANTINED);
    assert_failed(0, STORE_BOOT, digest);
    assert_non_null(strstr(slot_at(0)->why, "twice"));
    reset(POWER_CUT);
    assert_int_equal(slot_at(0)->state, SLOT_QUARANTINED);
    ASSERT_OK(start(0));
    assert_true(slot_is_on_probation(0));
}

static void ten_seconds_of_life_clear_a_start(void **state) {
    (void)state;
    run_confirmed(0, &v1);
    for (int i = 0; i < 5; i++) {
        reset(FAULT);
        assert_runs(0, "1");
        fake_advance_us(11000000);
    }
}

static void after_a_boot_no_bank_is_erased_ahead(void **state) {
    (void)state;
    run_confirmed(0, &v1);
    fake_advance_us(2000000);
    reset(POWER_CUT);
    fake_advance_us(60000000);
    assert_int_equal(pool_erases(), 0);
    assert_int_equal(pool_prepared(), WM_ENOENT);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_confirmed_runs_again_after_a_cut_of_power),
        TEST(a_candidate_is_there_again),
        TEST(what_was_on_probation_goes_back_at_a_reset),
        TEST(a_first_module_stays_on_probation_over_a_reset),
        TEST(what_was_stopped_stays_so_until_it_is_started),
        TEST(an_escape_starts_nothing),
        TEST(what_resets_the_node_twice_is_in_quarantine),
        TEST(ten_seconds_of_life_clear_a_start),
        TEST(after_a_boot_no_bank_is_erased_ahead),
    };
    return cmocka_run_group_tests_name("slot boot", tests, NULL, NULL);
}
