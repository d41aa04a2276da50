/* Keys that come and go while modules run, with the real engine. */
#include "life_fixture.h"

#include "node/counters.h"
#include "node/state.h"
#include "node/trust.h"

static const uint8_t seed[SEED_BYTES] = {1};
static uint8_t key[TRUST_KEY_BYTES], key_id[TRUST_KEY_ID_BYTES];
static const struct envelope ours = {seed, key_id, sizeof key_id, ""};

static int setup_with_key(void **state) {
    signer_public_key(seed, key);
    trust_key_id(key, key_id);
    return setup(state);
}

static void a_confirmation_counts_the_release_and_nothing_else_does(void **state) {
    struct release v2 = second(), signed_v1 = v1;
    (void)state;
    signed_v1.envelope = v2.envelope = &ours;
    assert_int_equal(trust_put(0, key), WM_OK);
    run_confirmed(0, &signed_v1);
    swap_to(0, &v2);
    assert_int_equal(counter_get(COUNTER_OF_MODULES, "life"), 1);
    ASSERT_OK(slot_confirm(0, why, sizeof why));
    assert_int_equal(counter_get(COUNTER_OF_MODULES, "life"), 2);
    reset(POWER_CUT);
    assert_int_equal(install(0, &signed_v1), WM_EPERM);
    assert_runs(0, "2");
    assert_int_equal(trust_put(0, NULL), WM_OK);
}

static void what_no_key_vouches_for_any_more_is_in_quarantine(void **state) {
    (void)state;
    run_confirmed(0, &v1);
    ASSERT_OK(install(1, &v1));
    assert_int_equal(trust_put(0, key), WM_OK);
    reset(POWER_CUT);
    assert_int_equal(slot_at(0)->state, SLOT_QUARANTINED);
    assert_non_null(strstr(slot_at(0)->why, "not signed"));
    assert_null(slot_at(1)->candidate);
    assert_int_equal(start(0), WM_EPERM);
    assert_int_equal(trust_put(0, NULL), WM_OK);
    ASSERT_OK(start(0));
}

static void a_snapshot_is_no_way_out_of_quarantine(void **state) {
    static uint8_t snapshot[4096];
    struct state_window window = {.bytes = snapshot, .cap = sizeof snapshot};
    (void)state;
    run_confirmed(0, &v1);
    state_encode(slot_at(0)->active, &window);
    assert_int_equal(window.len, window.total);
    assert_int_equal(trust_put(0, key), WM_OK);
    reset(POWER_CUT);
    assert_int_equal(slot_restore(0, 0, snapshot, window.len, false, why, sizeof why), WM_EPERM);
    assert_int_equal(slot_at(0)->state, SLOT_QUARANTINED);
    assert_int_equal(trust_put(0, NULL), WM_OK);
    ASSERT_OK(slot_restore(0, 0, snapshot, window.len, false, why, sizeof why));
    assert_int_equal(slot_at(0)->state, SLOT_PAUSED);
    assert_int_equal(slot_at(0)->probation_left, MODULE_PROBATION_EVENTS);
}

static void what_was_let_pass_is_judged_by_keys_that_come(void **state) {
    struct release v2 = second(), forged = second();
    struct envelope theirs = ours;
    theirs.seed = (const uint8_t[SEED_BYTES]){2};
    forged.envelope = &theirs;
    forged.padding = 2000;
    (void)state;
    run_confirmed(0, &v1);
    ASSERT_OK(install(0, &v2));
    begin_upload(1, &forged);
    assert_int_equal(trust_put(0, key), WM_OK);
    slots_judge_again();
    assert_null(slot_at(0)->candidate);
    assert_int_equal(store_slot(0)->candidate, STORE_NO_BANK);
    size_t len = make_bundle(&forged, bundle, sizeof bundle);
    assert_int_equal(send_blocks(1, BLOCK, len, len), WM_EAGAIN);
    assert_runs(0, "1");
    v2.envelope = &ours;
    ASSERT_OK(install(0, &v2));
    slots_judge_again();
    assert_non_null(slot_at(0)->candidate);
    assert_int_equal(trust_put(0, NULL), WM_OK);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_with_key, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_confirmation_counts_the_release_and_nothing_else_does),
        TEST(what_no_key_vouches_for_any_more_is_in_quarantine),
        TEST(a_snapshot_is_no_way_out_of_quarantine),
        TEST(what_was_let_pass_is_judged_by_keys_that_come),
    };
    return cmocka_run_group_tests_name("slot trust", tests, NULL, NULL);
}
