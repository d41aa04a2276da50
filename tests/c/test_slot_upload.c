/* Uploads into slots, with the real engine: who owns which bank. Every test ends with all banks and
 * the whole arena free. */
#include "slot_fixture.h"

#define BANKS (MODULE_SLOTS + 1)

static int setup(void **state) {
    (void)state;
    return setup_on(&bank_to_spare);
}

static void an_upload_becomes_the_candidate_and_nothing_runs(void **state) {
    (void)state;
    ASSERT_OK(install(0, &v1));
    assert_int_equal(slot_at(0)->state, SLOT_EMPTY);
    assert_non_null(slot_at(0)->candidate);
    assert_int_equal((int)pool_unused(), BANKS - 1);
    assert_int_equal(runtime_arena_free(), sizeof arena);
    assert_int_equal(sensor_find("river"), WM_ENOENT);
}

static void an_abandoned_upload_gives_its_bank_back(void **state) {
    (void)state;
    run(0, &v1);
    begin_upload(0, &v1);
    assert_int_equal((int)pool_unused(), BANKS - 2);
    slot_upload_abandon(0);
    slot_upload_abandon(0); /* twice is once */
    assert_int_equal((int)pool_unused(), BANKS - 1);
    feed(1);
    assert_true(newest(0, 0) == 1);
}

static void a_new_upload_replaces_the_one_before_and_the_candidate(void **state) {
    (void)state;
    struct release v2 = v1;
    v2.version = "2";
    ASSERT_OK(install(0, &v1));
    begin_upload(0, &v1);
    assert_null(slot_at(0)->candidate);
    ASSERT_OK(install(0, &v2));
    assert_string_equal(slot_at(0)->candidate->manifest.version, "2");
    assert_int_equal((int)pool_unused(), BANKS - 1);
}

static void a_block_out_of_order_drops_the_upload(void **state) {
    (void)state;
    size_t len = make_bundle(&v1, bundle, sizeof bundle);
    begin_upload(0, &v1);
    assert_int_equal(send_blocks(0, 2 * BLOCK, len, len), WM_EAGAIN);
    assert_int_equal((int)pool_unused(), BANKS);
    assert_int_equal(send_blocks(0, BLOCK, len, len), WM_EAGAIN);
    assert_non_null(strstr(why, "start with block 0"));
}

static void a_removed_slot_ends_its_upload(void **state) {
    (void)state;
    size_t len = make_bundle(&v1, bundle, sizeof bundle);
    begin_upload(0, &v1);
    ASSERT_OK(slot_remove(0, why, sizeof why));
    assert_int_equal((int)pool_unused(), BANKS);
    assert_int_equal(send_blocks(0, BLOCK, len, len), WM_EAGAIN);
}

static void a_swap_while_an_upload_is_under_way_waits_for_it(void **state) {
    (void)state;
    run(0, &v1);
    size_t len = make_bundle(&v1, bundle, sizeof bundle);
    begin_upload(0, &v1);
    assert_int_equal(swap(0), WM_EBUSY);
    feed(1);
    ASSERT_OK(send_blocks(0, BLOCK, len, len));
    ASSERT_OK(swap(0));
    feed(1);
    assert_true(newest(0, 0) == 2);
    assert_int_equal((int)pool_unused(), BANKS - 1);
}

static void a_restart_while_an_upload_is_under_way_keeps_both(void **state) {
    (void)state;
    run(0, &v1);
    ASSERT_OK(slot_stop(0, why, sizeof why));
    size_t len = make_bundle(&v1, bundle, sizeof bundle);
    begin_upload(0, &v1);
    ASSERT_OK(start(0));
    ASSERT_OK(send_blocks(0, BLOCK, len, len));
    assert_non_null(slot_at(0)->candidate);
    assert_ptr_not_equal(slot_at(0)->candidate, slot_at(0)->active);
    feed(1);
    assert_true(newest(0, 0) == 1);
}

static void one_bank_is_spare_while_every_slot_runs(void **state) {
    (void)state;
    for (int index = 0; index < MODULE_SLOTS; index++)
        run(index, &v1);
    ASSERT_OK(install(0, &v1));
    assert_int_equal(install(1, &v1), WM_EBUSY);
    assert_non_null(slot_at(0)->candidate);
    ASSERT_OK(swap(0));
    ASSERT_OK(install(1, &v1));
}

static void what_cannot_run_is_refused_and_dropped(void **state) {
    (void)state;
    struct release bad = v1;
    run(0, &v1);
    bad.budget_us = MODULE_EVENT_BUDGET_MAX_US + 1;
    assert_int_equal(install(0, &bad), WM_ENOTSUP);
    bad = v1;
    bad.pages = 0;
    assert_int_equal(install(0, &bad), WM_ENOMEM);
    bad = v1;
    bad.sensor = "chip";
    bad.padding = MODULE_BANK_BYTES;
    assert_int_equal(install(0, &bad), WM_ETOOLARGE);
    assert_null(slot_at(0)->candidate);
    assert_int_equal((int)pool_unused(), BANKS - 1);
    feed(1);
    assert_true(newest(0, 0) == 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_upload_becomes_the_candidate_and_nothing_runs),
        TEST(an_abandoned_upload_gives_its_bank_back),
        TEST(a_new_upload_replaces_the_one_before_and_the_candidate),
        TEST(a_block_out_of_order_drops_the_upload),
        TEST(a_removed_slot_ends_its_upload),
        TEST(a_swap_while_an_upload_is_under_way_waits_for_it),
        TEST(a_restart_while_an_upload_is_under_way_keeps_both),
        TEST(one_bank_is_spare_while_every_slot_runs),
        TEST(what_cannot_run_is_refused_and_dropped),
    };
    return cmocka_run_group_tests_name("slot upload", tests, NULL, NULL);
}
