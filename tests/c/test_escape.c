/* The boot escape's line: what counts as held, and what only looks so. */
#include "cmocka_all.h"

#include "common/bare/escape.h"
#include "hal.h"

static uint64_t now_us;
static uint64_t active_from_us, active_until_us;

/* A look takes some time, as on a board. */
uint64_t hal_now_us(void) {
    return now_us += 7;
}

static bool is_active(void) {
    return now_us >= active_from_us && now_us < active_until_us;
}

static void active(uint64_t from_us, uint64_t until_us) {
    now_us = 0;
    active_from_us = from_us;
    active_until_us = until_us;
}

static void a_button_is_held_from_the_start(void **state) {
    (void)state;
    active(0, UINT64_MAX);
    assert_true(escape_button(is_active));
    assert_in_range(now_us, ESCAPE_HOLD_US, ESCAPE_HOLD_US + 100);
    active(0, ESCAPE_HOLD_US + 100);
    assert_true(escape_button(is_active));
    active(0, ESCAPE_HOLD_US / 2);
    assert_false(escape_button(is_active));
}

static void a_line_at_rest_costs_no_time(void **state) {
    (void)state;
    active(100, UINT64_MAX); /* pressed later */
    assert_false(escape_button(is_active));
    assert_true(now_us < 100);
    active(100, UINT64_MAX);
    assert_false(escape_break(is_active));
    assert_true(now_us < 100);
}

static void a_break_ends(void **state) {
    (void)state;
    active(0, 250000);
    assert_true(escape_break(is_active));
    assert_in_range(now_us, 250000, 250100);
    active(0, 9 * 1000000 / 1200); /* the longest run of zeros in a byte, at 1,200 baud */
    assert_false(escape_break(is_active));
}

static void a_line_without_power_is_no_break(void **state) {
    (void)state;
    active(0, UINT64_MAX);
    assert_false(escape_break(is_active));
    assert_true(now_us < ESCAPE_HOLD_US + ESCAPE_BREAK_END_US + 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_button_is_held_from_the_start),
        cmocka_unit_test(a_line_at_rest_costs_no_time),
        cmocka_unit_test(a_break_ends),
        cmocka_unit_test(a_line_without_power_is_no_break),
    };
    return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}
