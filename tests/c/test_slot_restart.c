/* A module that traps is started again, with the real engine: when, with which state, how often. */
#include "life_fixture.h"

#include "node/slot_table.h"

static void a_trap_is_followed_by_a_restart_with_the_state_before(void **state) {
    (void)state;
    run_confirmed(0, &v1);
    feed(1);
    feed(-1);
    assert_int_equal(slot_at(0)->state, SLOT_TRAPPED);
    fake_advance_us(499000);
    assert_int_equal(slot_at(0)->state, SLOT_TRAPPED);
    fake_advance_us(1000);
    assert_runs(0, "1");
    feed(1);
    assert_true(newest(0, 0) == 2);
    assert_int_equal(numbers_given(0), 2);
}

static void the_second_in_a_row_begins_anew_the_third_stops(void **state) {
    (void)state;
    run_confirmed(0, &v1);
    feed(1);
    feed(-1);
    fake_advance_us(500000);
    feed(1);
    feed(-1);
    fake_advance_us(999000);
    assert_int_equal(slot_at(0)->state, SLOT_TRAPPED);
    fake_advance_us(1000);
    assert_runs(0, "1");
    feed(1);
    assert_true(newest(0, 0) == 1);
    assert_int_equal(slot_at(0)->row, 2);
    feed(-1);
    fake_advance_us(60000000);
    assert_int_equal(slot_at(0)->state, SLOT_TRAPPED);
    assert_int_equal(slot_at(0)->traps, 3);
    assert_int_equal(runtime_arena_free(), sizeof arena);
    ASSERT_OK(start(0));
    assert_int_equal(slot_at(0)->row, 0);
}

static void sixteen_good_events_end_a_row(void **state) {
    (void)state;
    run_confirmed(0, &v1);
    for (int trap = 0; trap < 5; trap++) {
        feed(-1);
        fake_advance_us(500000);
        assert_runs(0, "1");
        for (int i = 0; i < 16; i++)
            feed(1);
        assert_int_equal(slot_at(0)->row, 0);
    }
}

static void a_start_that_traps_counts_in_the_row(void **state) {
    struct release v2 = v1;
    (void)state;
    v2.value[0] = 0;
    run_confirmed(0, &v2);
    assert_int_equal(configure(0, "config", 1), WM_ETRAP);
    fake_advance_us(60000000); /* each restart gets the parameters, and traps */
    assert_int_equal(slot_at(0)->state, SLOT_TRAPPED);
    assert_int_equal(slot_at(0)->traps, 3);
}

static void whoever_acts_cancels_a_restart(void **state) {
    struct release v2 = second();
    (void)state;
    run_confirmed(0, &v1);
    feed(-1);
    ASSERT_OK(slot_stop(0, why, sizeof why));
    fake_advance_us(60000000);
    assert_int_equal(slot_at(0)->state, SLOT_STOPPED);
    ASSERT_OK(start(0));
    feed(-1);
    ASSERT_OK(install(0, &v2));
    ASSERT_OK(start(0)); /* the candidate */
    fake_advance_us(60000000);
    assert_runs(0, "2");
    assert_int_equal(slot_at(0)->traps, 2);
    feed(-1); /* on probation: what was trapped comes back, and traps too */
    assert_int_equal(slot_at(0)->state, SLOT_TRAPPED);
    ASSERT_OK(slot_remove(0, why, sizeof why));
    fake_advance_us(60000000);
    assert_int_equal(slot_at(0)->state, SLOT_EMPTY);
}

static void a_paused_module_that_traps_stays_so(void **state) {
    struct release v2 = v1;
    (void)state;
    run_confirmed(0, &v1);
    swap_to(0, &v2);
    ASSERT_OK(slot_pause(0, why, sizeof why));
    assert_int_equal(configure(0, "config", 1), WM_ETRAP);
    fake_advance_us(60000000);
    assert_int_equal(slot_at(0)->state, SLOT_TRAPPED);
    ASSERT_OK(slot_roll_back(0, why, sizeof why));
}

static void copies_give_way_to_modules(void **state) {
    (void)state;
    run_confirmed(0, &v1);
    feed(1);
    assert_non_null(slot_at(0)->before.bytes);
    size_t with_copy = runtime_arena_free();
    assert_true(slots_give_up_copies(NULL));
    assert_true(runtime_arena_free() > with_copy);
    assert_false(slots_give_up_copies(NULL));
    feed(1);
    assert_int_equal(runtime_arena_free(), with_copy);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_trap_is_followed_by_a_restart_with_the_state_before),
        TEST(the_second_in_a_row_begins_anew_the_third_stops),
        TEST(sixteen_good_events_end_a_row),
        TEST(a_start_that_traps_counts_in_the_row),
        TEST(whoever_acts_cancels_a_restart),
        TEST(a_paused_module_that_traps_stays_so),
        TEST(copies_give_way_to_modules),
    };
    return cmocka_run_group_tests_name("slot restart", tests, NULL, NULL);
}
