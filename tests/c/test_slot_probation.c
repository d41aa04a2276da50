/* A new module on probation, with the real engine: what confirms it, what brings the old one back. */
#include "life_fixture.h"

#include "node/slot_table.h"

static void a_trap_brings_back_the_old_module_with_state_and_sample(void **state) {
    struct release bad = bad_second();
    uint8_t digest[SHA256_BYTES];
    (void)state;
    run_confirmed(0, &v1);
    feed(1);
    feed(1);
    swap_to(0, &bad);
    memcpy(digest, slot_at(0)->active->manifest.digest, sizeof digest);
    feed(1); /* the third */
    assert_runs(0, "1");
    assert_true(newest(0, 0) == 3);
    assert_int_equal(numbers_given(0), 3);
    assert_failed(0, STORE_TRAP, digest);
    assert_non_null(strstr(slot_at(0)->why, "on_sample"));
    assert_int_equal(slot_at(0)->traps, 1);
    assert_int_equal(slot_at(0)->fallback.name[0], 0);
    feed(1);
    assert_true(newest(0, 0) == 4);
}

static void without_room_for_its_state_the_old_module_begins_anew(void **state) {
    struct release bad = bad_second();
    (void)state;
    run_confirmed(0, &v1);
    feed(1);
    swap_to(0, &bad);
    assert_true(slot_at(0)->left.filled);
    state_copy_drop(&slot_at(0)->left); /* as a module that found no room does */
    feed(1);
    assert_runs(0, "1");
    assert_true(newest(0, 0) == 1);
}

static void so_many_events_confirm(void **state) {
    struct release v2 = second();
    (void)state;
    v2.probation = &(uint32_t){3};
    run_confirmed(0, &v1);
    swap_to(0, &v2);
    feed(1);
    feed(1);
    assert_int_equal(slot_at(0)->probation_left, 1);
    assert_true(slot_is_on_probation(0));
    feed(1);
    assert_false(slot_is_on_probation(0));
    assert_int_equal(pool_unused(), pool_count() - 1);
    reset(FAULT);
    assert_runs(0, "2");
}

static bool log_holds(const char *text) {
    uint8_t lines[LOG_RING_BYTES];
    struct record_batch all = record_ring_all(log_ring(), lines, sizeof lines);
    for (size_t at = 0; at + strlen(text) <= all.len; at++)
        if (memcmp(lines + at, text, strlen(text)) == 0)
            return true;
    return false;
}

/* Its manifest promises four values, it emits three: all is lost that it says. */
static void what_emits_other_records_than_it_claims_proves_nothing(void **state) {
    struct release v2 = second();
    (void)state;
    v2.values = 4;
    v2.probation = &(uint32_t){3};
    run_confirmed(0, &v1);
    swap_to(0, &v2);
    assert_false(log_holds("bytes to out"));
    for (int i = 0; i < 10; i++)
        feed(1);
    assert_true(slot_is_on_probation(0));
    assert_int_equal(slot_at(0)->probation_left, 3);
    assert_int_equal(slot_at(0)->active->events, 11);  /* and one for its parameters */
    assert_int_equal(slot_at(0)->active->refused, 11); /* and one in on_start */
    assert_int_equal(numbers_given(0), 0);
    assert_true(log_holds("refused: it emits outside of on_sample and on_tick"));
    assert_true(log_holds("refused: it emits 12 bytes to out, whose 4 values have 16"));
    ASSERT_OK(slot_roll_back(0, why, sizeof why));
    assert_int_equal(slot_at(0)->active->refused, 1); /* in on_start */
    feed(1);
    assert_int_equal(slot_at(0)->active->refused, 1);
}

static void a_module_without_parameters_is_not_proved_by_being_given_some(void **state) {
    static const uint8_t none[] = {0xa0};
    struct release bare = v1;
    (void)state;
    bare.parameter[0] = NULL;
    bare.probation = &(uint32_t){1};
    run(0, &bare);
    ASSERT_OK(slot_configure(0, (struct span){none, sizeof none}, why, sizeof why));
    assert_true(slot_is_on_probation(0));
    feed(1);
    assert_false(slot_is_on_probation(0));
}

static void with_none_only_a_person_confirms(void **state) {
    struct release v2 = second();
    (void)state;
    v2.probation = &(uint32_t){0};
    run_confirmed(0, &v1);
    swap_to(0, &v2);
    for (int i = 0; i < 200; i++)
        feed(1);
    assert_true(slot_is_on_probation(0));
    ASSERT_OK(slot_confirm(0, why, sizeof why));
    assert_int_equal(slot_confirm(0, why, sizeof why), WM_EBUSY);
    assert_int_equal(slot_roll_back(0, why, sizeof why), WM_EBUSY);
}

static void a_person_rolls_back(void **state) {
    struct release v2 = second();
    uint8_t digest[SHA256_BYTES];
    (void)state;
    run(0, &v1);
    assert_int_equal(slot_roll_back(0, why, sizeof why), WM_EBUSY); /* to what? */
    ASSERT_OK(slot_confirm(0, why, sizeof why));
    feed(1);
    swap_to(0, &v2);
    memcpy(digest, slot_at(0)->active->manifest.digest, sizeof digest);
    feed(1);
    ASSERT_OK(slot_roll_back(0, why, sizeof why));
    assert_runs(0, "1");
    assert_failed(0, STORE_REQUESTED, digest);
    feed(1);
    assert_true(newest(0, 0) == 2); /* of the swap's time */
}

static void one_on_probation_that_is_replaced_leaves_its_fallback(void **state) {
    struct release v2 = second(), bad = bad_second();
    (void)state;
    bad.version = "3";
    run_confirmed(0, &v1);
    feed(1);
    swap_to(0, &v2);
    feed(1);
    swap_to(0, &bad);
    assert_string_equal(slot_at(0)->fallback.version, "1");
    feed(1);
    assert_runs(0, "1");
    assert_true(newest(0, 0) == 2);
}

/* ---- beside ------------------------------------------------------------------------------ */

static void start_beside(int index, int other) {
    ASSERT_OK(slot_start_beside(index, other, numbering, why, sizeof why));
}

static void what_is_only_watched_is_stopped_after_a_reset(void **state) {
    (void)state;
    run_confirmed(0, &v1);
    ASSERT_OK(install(1, &v1));
    start_beside(1, 0);
    reset(POWER_CUT);
    assert_runs(0, "1");
    assert_int_equal(slot_at(1)->state, SLOT_STOPPED);
    ASSERT_OK(start(1));
    assert_int_equal(slot_at(1)->probation_left, MODULE_PROBATION_EVENTS);
    reset(POWER_CUT);
    assert_runs(1, "1");
}

static void a_restart_does_not_let_it_prove_itself(void **state) {
    struct release bad = bad_second();
    (void)state;
    run_confirmed(0, &v1);
    ASSERT_OK(install(1, &bad));
    start_beside(1, 0);
    feed(1);
    assert_int_equal(slot_at(1)->state, SLOT_TRAPPED);
    assert_true(slot_is_on_probation(1));
    assert_int_equal(slot_at(1)->probation_left, 0);
}

static void one_that_is_confirmed_runs_after_a_reset(void **state) {
    (void)state;
    run_confirmed(0, &v1);
    ASSERT_OK(install(1, &v1));
    start_beside(1, 0);
    ASSERT_OK(slot_confirm(1, why, sizeof why));
    reset(POWER_CUT);
    assert_runs(1, "1");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_trap_brings_back_the_old_module_with_state_and_sample),
        TEST(without_room_for_its_state_the_old_module_begins_anew),
        TEST(so_many_events_confirm),
        TEST(what_emits_other_records_than_it_claims_proves_nothing),
        TEST(a_module_without_parameters_is_not_proved_by_being_given_some),
        TEST(with_none_only_a_person_confirms),
        TEST(a_person_rolls_back),
        TEST(one_on_probation_that_is_replaced_leaves_its_fallback),
        TEST(what_is_only_watched_is_stopped_after_a_reset),
        TEST(a_restart_does_not_let_it_prove_itself),
        TEST(one_that_is_confirmed_runs_after_a_reset),
    };
    return cmocka_run_group_tests_name("slot probation", tests, NULL, NULL);
}
