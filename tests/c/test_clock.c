/* The wall clock, where the times end that it can show. */
#include "cmocka_all.h"

#include "hal.h"
#include "node/clock.h"

#define DAY_MS INT64_C(86400000)

static uint64_t now_us;

uint64_t hal_now_us(void) {
    return now_us;
}

static void it_goes_on_from_where_it_was_set(void **state) {
    (void)state;
    now_us = 5000000;
    assert_int_equal(clock_set_ms(-7), WM_OK);
    now_us += 8000;
    assert_int_equal(clock_now_ms(), 1);
    assert_int_equal(clock_ms_at(4999000), -8);
}

static void what_will_leave_the_range_is_refused(void **state) {
    (void)state;
    assert_int_equal(CLOCK_SET_MAX_MS, INT64_C(250246627199999)); /* SPEC, /time */
    assert_int_equal(clock_set_ms(1), WM_OK);
    assert_int_equal(clock_set_ms(CLOCK_SET_MAX_MS + 1), WM_EINVAL);
    assert_int_equal(clock_set_ms(CLOCK_MAX_MS), WM_EINVAL);
    assert_int_equal(clock_set_ms(INT64_MAX), WM_EINVAL);
    assert_int_equal(clock_set_ms(CLOCK_MIN_MS - 1), WM_EINVAL);
    assert_int_equal(clock_set_ms(INT64_MIN), WM_EINVAL);
    assert_int_equal(clock_now_ms(), 1);
}

static void a_century_after_the_latest_setting_it_still_shows_a_time(void **state) {
    (void)state;
    assert_int_equal(clock_set_ms(CLOCK_SET_MAX_MS), WM_OK);
    now_us += (uint64_t)(36524 * DAY_MS * 1000);
    assert_int_equal(clock_now_ms(), CLOCK_MAX_MS);
    now_us += 1000000;
    assert_int_equal(clock_now_ms(), CLOCK_MAX_MS);
    assert_int_equal(clock_ms_at(UINT64_MAX), CLOCK_MAX_MS);
}

static void a_reading_from_before_the_first_moment_is_of_that_moment(void **state) {
    (void)state;
    assert_int_equal(clock_set_ms(CLOCK_MIN_MS), WM_OK);
    assert_int_equal(clock_ms_at(now_us - 1000000), CLOCK_MIN_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_on_from_where_it_was_set),
        cmocka_unit_test(what_will_leave_the_range_is_refused),
        cmocka_unit_test(a_century_after_the_latest_setting_it_still_shows_a_time),
        cmocka_unit_test(a_reading_from_before_the_first_moment_is_of_that_moment),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
