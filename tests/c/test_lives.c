/* What a module lives through: probation, roll-back, restarts, resets and flash that fails, with the
 * real engine. Every test ends with all banks and the whole arena free. */
#include "slot_fixture.h"

#include "node/counters.h"
#include "node/slot_table.h"
#include "node/state.h"
#include "node/trust.h"
#include "store/commit.h"

#define KIB 1024u

static const uint8_t seed[SEED_BYTES] = {1};
static uint8_t key[TRUST_KEY_BYTES], key_id[TRUST_KEY_ID_BYTES];
static const struct envelope ours = {seed, key_id, sizeof key_id, ""};

static int setup(void **state) {
    static const struct geometry geometry = {
        "an STM32F405's, smaller",
        {16 * KIB, 16 * KIB},
        16 * KIB,
        {32 * KIB, 32 * KIB, 32 * KIB, 32 * KIB, 32 * KIB, 32 * KIB}};
    (void)state;
    next_ms = 1000;
    signer_public_key(seed, key);
    trust_key_id(key, key_id);
    return setup_on(&geometry);
}

/* ---- verbs ------------------------------------------------------------------------------- */

static struct release second(void) {
    struct release v2 = v1;
    v2.version = "2";
    v2.sequence = 2;
    return v2;
}

/* Traps at its first sample. */
static struct release bad_second(void) {
    struct release v2 = second();
    v2.parameter[0] = "sample";
    v2.value[0] = 1;
    return v2;
}

static void run_confirmed(int index, const struct release *release) {
    run(index, release);
    ASSERT_OK(slot_confirm(index, why, sizeof why));
}

static void swap_to(int index, const struct release *release) {
    ASSERT_OK(install(index, release));
    ASSERT_OK(swap(index));
}

static void assert_runs(int index, const char *version) {
    assert_int_equal(slot_at(index)->state, SLOT_RUNNING);
    assert_string_equal(slot_at(index)->active->manifest.version, version);
}

static void assert_failed(int index, enum store_cause cause, const uint8_t *digest) {
    assert_int_equal(store_slot(index)->cause, cause);
    assert_memory_equal(store_slot(index)->failed, digest, STORE_NAME_BYTES);
}

static uint32_t numbers_given(int index) {
    return stream_find(index, "out")->ring.next;
}

/* ---- resets ------------------------------------------------------------------------------ */

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
    assert_false(slot_upload_is_ready((const uint8_t *)"x", 1));
}

/* ---- probation --------------------------------------------------------------------------- */

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

/* ---- restarts ---------------------------------------------------------------------------- */

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

/* ---- flash ------------------------------------------------------------------------------- */

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
    assert_false(slot_upload_is_ready(bundle, BLOCK));
    fake_advance_us(1500000);
    assert_false(slot_upload_is_ready(bundle, BLOCK)); /* not yet */
    fake_advance_us(1500000);
    assert_true(slot_upload_is_ready(bundle, BLOCK));
    uint32_t erases = pool_erases();
    ASSERT_OK(send_blocks(0, 0, len, len));
    assert_int_equal(pool_erases(), erases);
}

static void an_upload_that_begins_again_goes_on_in_its_bank(void **state) {
    struct release large = v1;
    (void)state;
    large.padding = 2000;
    begin_upload(0, &large);
    size_t len = make_bundle(&large, bundle, sizeof bundle);
    ASSERT_OK(send_blocks(0, BLOCK, 3 * BLOCK, len));
    uint32_t erases = pool_erases();
    slot_upload_abandon(0);
    assert_true(slot_upload_is_ready(bundle, BLOCK));
    ASSERT_OK(slot_upload(0, 0, bundle, BLOCK / 2, true, why, sizeof why));
    slot_upload_abandon(0);
    ASSERT_OK(send_blocks(0, 0, len, len));
    assert_int_equal(pool_erases(), erases);
    ASSERT_OK(start(0));
}

static void an_upload_that_goes_on_with_other_bytes_begins_anew(void **state) {
    struct release large = v1;
    (void)state;
    large.padding = 2000;
    begin_upload(0, &large);
    size_t len = make_bundle(&large, bundle, sizeof bundle);
    ASSERT_OK(send_blocks(0, BLOCK, 3 * BLOCK, len));
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
        TEST(what_was_confirmed_runs_again_after_a_cut_of_power),
        TEST(a_candidate_is_there_again),
        TEST(what_was_on_probation_goes_back_at_a_reset),
        TEST(a_first_module_stays_on_probation_over_a_reset),
        TEST(what_was_stopped_stays_so_until_it_is_started),
        TEST(an_escape_starts_nothing),
        TEST(what_resets_the_node_twice_is_in_quarantine),
        TEST(ten_seconds_of_life_clear_a_start),
        TEST(after_a_boot_no_bank_is_erased_ahead),
        TEST(a_trap_brings_back_the_old_module_with_state_and_sample),
        TEST(without_room_for_its_state_the_old_module_begins_anew),
        TEST(so_many_events_confirm),
        TEST(with_none_only_a_person_confirms),
        TEST(a_person_rolls_back),
        TEST(one_on_probation_that_is_replaced_leaves_its_fallback),
        TEST(a_confirmation_counts_the_release_and_nothing_else_does),
        TEST(what_no_key_vouches_for_any_more_is_in_quarantine),
        TEST(a_snapshot_is_no_way_out_of_quarantine),
        TEST(what_was_let_pass_is_judged_by_keys_that_come),
        TEST(what_is_only_watched_is_stopped_after_a_reset),
        TEST(a_restart_does_not_let_it_prove_itself),
        TEST(one_that_is_confirmed_runs_after_a_reset),
        TEST(a_trap_is_followed_by_a_restart_with_the_state_before),
        TEST(the_second_in_a_row_begins_anew_the_third_stops),
        TEST(sixteen_good_events_end_a_row),
        TEST(a_start_that_traps_counts_in_the_row),
        TEST(whoever_acts_cancels_a_restart),
        TEST(a_paused_module_that_traps_stays_so),
        TEST(copies_give_way_to_modules),
        TEST(flash_that_takes_no_record_refuses_and_changes_nothing),
        TEST(a_bank_that_takes_no_bytes_refuses_the_upload),
        TEST(nothing_is_erased_between_an_upload_and_what_becomes_of_it),
        TEST(a_bank_that_fell_free_is_erased_for_the_next_upload),
        TEST(an_upload_that_begins_again_goes_on_in_its_bank),
        TEST(an_upload_that_goes_on_with_other_bytes_begins_anew),
    };
    return cmocka_run_group_tests_name("lives", tests, NULL, NULL);
}
