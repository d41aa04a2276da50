/* Modules in their slots, with the real engine: what a failure leaves behind, what outlives a swap.
 * Every test ends with all banks and the whole arena free. */
#include "slot_fixture.h"

#include "node/module_config.h"
#include "node/state.h"

#define BANKS (MODULE_SLOTS + 1)

extern struct arena engine_arena; /* wasm3-port/engine.h, which needs the engine's headers */

static int setup(void **state) {
    (void)state;
    return setup_on(&bank_to_spare);
}

/* ---- start and stop ---------------------------------------------------------------------- */

static void a_start_that_traps_leaves_nothing_but_its_reason(void **state) {
    (void)state;
    struct release bad = v1;
    bad.value[0] = 1;
    ASSERT_OK(install(0, &bad));
    assert_int_equal(start(0), WM_ETRAP);
    assert_non_null(strstr(slot_at(0)->why, "on_start"));
    assert_int_equal(slot_at(0)->state, SLOT_EMPTY);
    assert_int_equal(sensor_find("river"), WM_ENOENT);
    assert_null(stream_find(0, "out"));
    assert_int_equal(runtime_arena_free(), sizeof arena);
    assert_int_equal(start(0), WM_EBUSY); /* the candidate is dropped */
}

static void a_candidate_that_traps_does_not_bar_the_stopped_module(void **state) {
    (void)state;
    struct release bad = v1, old = v1;
    bad.value[0] = 1;
    old.parameter[0] = NULL; /* or its value would be kept */
    run(0, &old);
    ASSERT_OK(slot_stop(0, why, sizeof why));
    ASSERT_OK(install(0, &bad));
    assert_int_equal(start(0), WM_ETRAP);
    assert_int_equal(slot_at(0)->state, SLOT_STOPPED);
    ASSERT_OK(start(0));
    assert_int_equal(slot_at(0)->state, SLOT_RUNNING);
}

static void on_start_cannot_emit_and_sees_no_sensor_before(void **state) {
    (void)state;
    run(0, &v1);
    feed(1);
    assert_true(newest(0, 1) == WM_EPERM);
    assert_true(newest(0, 2) == WM_ENOENT);
}

static void a_module_without_room_for_its_parameters_has_failed(void **state) {
    (void)state;
    struct release bad = v1;
    bad.value[2] = 8;
    ASSERT_OK(install(0, &bad));
    assert_int_equal(start(0), WM_ETRAP);
    assert_non_null(strstr(why, "gave no room"));
}

static void a_stopped_module_starts_again_from_its_beginning(void **state) {
    (void)state;
    run(0, &v1);
    feed(1);
    ASSERT_OK(slot_stop(0, why, sizeof why));
    assert_int_equal(runtime_arena_free(), sizeof arena);
    assert_int_equal(slot_stop(0, why, sizeof why), WM_EBUSY);
    assert_int_equal(swap(0), WM_EBUSY);
    feed(2); /* nobody hears it */
    ASSERT_OK(start(0));
    assert_int_equal(start(0), WM_EBUSY);
    feed(3);
    assert_true(newest(0, 0) == 1);
    assert_int_equal(stream_find(0, "out")->ring.next, 2);
}

static void a_restart_that_traps_keeps_the_module_and_its_sensor(void **state) {
    (void)state;
    run(0, &v1);
    ASSERT_OK(slot_stop(0, why, sizeof why));
    ASSERT_OK(configure(0, "start", 1));
    assert_int_equal(start(0), WM_ETRAP);
    assert_int_equal(slot_at(0)->state, SLOT_STOPPED);
    assert_true(sensor_find("river") >= 0);
    ASSERT_OK(configure(0, "start", 0));
    ASSERT_OK(start(0));
    feed(1);
    assert_true(newest(0, 0) == 1);
}

static void a_trapped_module_can_be_started_again_or_replaced(void **state) {
    (void)state;
    run(0, &v1);
    feed(-1);
    assert_int_equal(slot_at(0)->state, SLOT_TRAPPED);
    assert_int_equal(slot_at(0)->traps, 1);
    assert_non_null(strstr(slot_at(0)->why, "on_sample"));
    ASSERT_OK(start(0));
    feed(1);
    assert_true(newest(0, 0) == 1);
    feed(-1);
    ASSERT_OK(install(0, &v1));
    assert_int_equal(swap(0), WM_EBUSY);
    ASSERT_OK(start(0));
    assert_int_equal(slot_at(0)->traps, 2);
    assert_int_equal((int)pool_unused(), BANKS - 1);
}

/* ---- swap -------------------------------------------------------------------------------- */

static void a_swap_hands_over_state_numbers_and_parameters(void **state) {
    (void)state;
    struct release v2 = v1;
    v2.version = "2";
    number_of_new_streams = 7;
    run(0, &v1);
    ASSERT_OK(configure(0, "room", 400));
    feed(1);
    ASSERT_OK(install(0, &v2));
    number_of_new_streams = 100;
    ASSERT_OK(swap(0));
    number_of_new_streams = 0;
    feed(1);
    assert_int_equal(slot_at(0)->handed, HAND_OVER_SAME);
    assert_true(newest(0, 0) == 2);
    assert_int_equal(stream_find(0, "out")->ring.next, 9);
    ASSERT_OK(slot_stop(0, why, sizeof why));
    ASSERT_OK(start(0)); /* 400 is kept, and is room enough */
    assert_string_equal(slot_at(0)->active->manifest.version, "2");
}

static void another_schema_or_stream_begins_anew(void **state) {
    (void)state;
    struct release v2 = v1;
    v2.schema = "life/2";
    v2.stream = "other";
    run(0, &v1);
    feed(1);
    ASSERT_OK(install(0, &v2));
    ASSERT_OK(swap(0));
    assert_int_equal(slot_at(0)->handed, HAND_OVER_FRESH);
    assert_null(stream_find(0, "out"));
    assert_string_equal(gone, "out/0/out");
    assert_int_equal(stream_find(0, "other")->ring.next, 0);
}

static void a_state_of_another_size_than_is_declared_is_no_candidate(void **state) {
    (void)state;
    struct release wrong = v1;
    wrong.state_bytes = 8;
    assert_int_equal(install(0, &wrong), WM_ENOTSUP);
    assert_string_equal(why, "its manifest declares a state of 8 bytes, the module's has 4");
    assert_null(slot_at(0)->candidate);
    ASSERT_OK(install(0, &v1));
}

/* ---- beside ------------------------------------------------------------------------------ */

static wm_status start_beside(int index, int other) {
    return slot_start_beside(index, other, numbering, why, sizeof why);
}

static void a_candidate_beside_another_module_has_its_state_and_gets_its_samples(void **state) {
    (void)state;
    struct release v2 = v1;
    v2.version = "2";
    run(0, &v1);
    ASSERT_OK(configure(0, "room", 400));
    feed(1);
    feed(1);
    ASSERT_OK(install(1, &v2));
    ASSERT_OK(start_beside(1, 0));
    assert_int_equal(slot_at(1)->handed, HAND_OVER_SAME);
    assert_int_equal(slot_at(1)->active->config_len, slot_at(0)->active->config_len);
    assert_memory_equal(slot_at(1)->active->config, slot_at(0)->active->config,
                        slot_at(0)->active->config_len);
    assert_true(sensor_at(sensor_find("river"))->has_reading); /* it did not begin anew */
    feed(1);
    assert_true(newest(0, 0) == 3);
    assert_true(newest(1, 0) == 3);
    for (int i = 0; i < 100; i++)
        feed(1);
    assert_true(slot_is_on_probation(1)); /* however many events went well */
    ASSERT_OK(slot_remove(1, why, sizeof why));
    feed(1);
    assert_true(newest(0, 0) == 104);
}

static void a_candidate_starts_beside_what_runs_in_another_slot_only(void **state) {
    (void)state;
    ASSERT_OK(install(1, &v1));
    assert_int_equal(start_beside(1, 0), WM_EBUSY); /* nothing runs there */
    assert_int_equal(start_beside(1, MODULE_SLOTS), WM_EBUSY);
    assert_int_equal(start_beside(1, 1), WM_EBUSY);
    run(0, &v1);
    assert_int_equal(start_beside(0, 0), WM_EBUSY);
    ASSERT_OK(start_beside(1, 0));
    assert_int_equal(start_beside(1, 0), WM_EBUSY); /* it runs, and there is no candidate */
    ASSERT_OK(slot_remove(1, why, sizeof why));
    ASSERT_OK(install(1, &v1));
    ASSERT_OK(configure(0, "start", 1)); /* which it takes over, and traps in its start */
    assert_int_equal(start_beside(1, 0), WM_ETRAP);
    assert_int_equal(slot_at(1)->state, SLOT_EMPTY);
    assert_null(slot_at(1)->candidate);
    feed(1);
    assert_true(newest(0, 0) == 1);
}

/* In on_start, on_config or wasmote_state. */
static void a_swap_that_traps_leaves_the_old_module_as_it_was(void **state) {
    (void)state;
    static const char *const fault[] = {"start", "config", "state"};
    struct release old = v1;
    old.parameter[0] = NULL;
    run(0, &old);
    for (int i = 0; i < 3; i++) {
        struct release bad = v1;
        bad.sensor = "lake";
        bad.parameter[0] = fault[i];
        bad.parameter[1] = NULL;
        bad.value[0] = 1;
        size_t before = runtime_arena_free();
        ASSERT_OK(install(0, &bad));
        assert_int_equal(swap(0), WM_ETRAP);
        assert_int_equal(runtime_arena_free(), before);
        assert_int_equal(sensor_find("lake"), WM_ENOENT);
        assert_int_equal(slot_at(0)->state, SLOT_RUNNING);
        feed(1);
        assert_true(newest(0, 0) == (float)(i + 1));
    }
}

static void a_swap_without_memory_for_two_leaves_the_old_one(void **state) {
    (void)state;
    uint8_t *rest = NULL;
    run(0, &v1);
    ASSERT_OK(install(0, &v1));
    for (size_t size = sizeof arena; !rest; size -= 1024)
        rest = arena_alloc(&engine_arena, size);
    assert_int_equal(swap(0), WM_ENOMEM);
    arena_release(&engine_arena, rest);
    feed(1);
    assert_true(newest(0, 0) == 1);
    ASSERT_OK(swap(0));
}

/* ---- sensors ----------------------------------------------------------------------------- */

static void a_shared_sensor_goes_with_the_last_that_uses_it(void **state) {
    (void)state;
    run(0, &v1);
    run(1, &v1);
    ASSERT_OK(slot_remove(0, why, sizeof why));
    assert_true(sensor_find("river") >= 0);
    feed(1);
    assert_true(newest(1, 0) == 1);
    ASSERT_OK(slot_remove(1, why, sizeof why));
    assert_string_equal(gone, "sensors/river");
    assert_int_equal(sensor_find("river"), WM_ENOENT);
}

static void running_modules_that_listen_are_counted(void **state) {
    (void)state;
    run(0, &v1);
    run(1, &v1);
    int river = sensor_find("river");
    assert_int_equal(slots_listening(river), 2);
    ASSERT_OK(slot_stop(0, why, sizeof why));
    assert_int_equal(slots_listening(river), 1);
    assert_int_equal(slots_listening(sensor_find("chip")), 0);
    ASSERT_OK(slot_remove(1, why, sizeof why));
    assert_int_equal(slots_listening(river), 0);
    assert_false(slots_pause(river));
}

static unsigned reads_in_a_second(void) {
    unsigned before = board_reads;
    fake_advance_us(1000000);
    return board_reads - before;
}

static void a_snapshot_gives_its_readings_once_all_of_it_holds(void **state) {
    static uint8_t snapshot[4096];
    struct state_window window = {.bytes = snapshot, .cap = sizeof snapshot};
    (void)state;
    run(0, &v1);
    run(1, &v1);
    feed(1);
    int64_t then = next_ms - 1;
    state_encode(slot_at(0)->active, &window);
    assert_int_equal(window.len, window.total);
    ASSERT_OK(slot_stop(0, why, sizeof why));
    feed(1);
    snapshot[window.len - 1] ^= 1;
    assert_int_equal(slot_restore(0, 0, snapshot, window.len, false, why, sizeof why), WM_EDIGEST);
    assert_int_equal(sensor_at(sensor_find("river"))->time_ms, next_ms - 1);
    snapshot[window.len - 1] ^= 1;
    ASSERT_OK(slot_restore(0, 0, snapshot, window.len, false, why, sizeof why));
    assert_int_equal(sensor_at(sensor_find("river"))->time_ms, then);
}

static void a_board_sensor_is_hurried_only_while_a_module_asks(void **state) {
    (void)state;
    struct release hurried = v1;
    hurried.sensor = "chip";
    hurried.period_ms = 100;
    run(0, &hurried);
    assert_int_equal(reads_in_a_second(), 10);
    ASSERT_OK(slot_remove(0, why, sizeof why));
    fake_advance_us(1000000); /* with the reading that was due */
    assert_int_equal(reads_in_a_second(), 1);
}

/* ---- parameters -------------------------------------------------------------------------- */

static void parameters_that_are_not_named_go_back_to_their_defaults(void **state) {
    (void)state;
    double value = -1;
    run(0, &v1);
    ASSERT_OK(configure(0, "room", 400));
    ASSERT_OK(configure(0, "state", 0));
    const struct instance *instance = slot_at(0)->active;
    struct span config = {instance->config, instance->config_len};
    assert_true(module_config_number(config, "room", 4, &value));
    assert_true(value == 512);
}

/* Four names of 120 bytes with binary32 values take 509 bytes; one binary64 is 4 too many. */
static void parameters_that_grow_too_large_are_refused_with_the_reason(void **state) {
    (void)state;
    static char name[4][121];
    struct release large = v1;
    for (size_t i = 0; i < 4; i++) {
        memset(name[i], 'a' + (int)i, sizeof name[i] - 1);
        large.parameter[i] = name[i];
        large.value[i] = 0;
    }
    run(0, &large);
    memset(why, '#', sizeof why); /* nothing of it may be taken for the reason */
    assert_int_equal(configure(0, name[3], 1), WM_ENOMEM);
    assert_non_null(strstr(why, "512 bytes"));
    assert_int_equal(slot_at(0)->state, SLOT_RUNNING);
}

static void a_config_that_traps_stops_the_module(void **state) {
    (void)state;
    run(0, &v1);
    assert_int_equal(configure(0, "none", 1), WM_EINVAL);
    assert_int_equal(slot_at(0)->state, SLOT_RUNNING);
    assert_int_equal(configure(0, "config", 1), WM_ETRAP);
    assert_int_equal(slot_at(0)->state, SLOT_TRAPPED);
    ASSERT_OK(slot_remove(0, why, sizeof why));
    assert_int_equal(configure(0, "config", 1), WM_EBUSY);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_start_that_traps_leaves_nothing_but_its_reason),
        TEST(a_candidate_that_traps_does_not_bar_the_stopped_module),
        TEST(on_start_cannot_emit_and_sees_no_sensor_before),
        TEST(a_module_without_room_for_its_parameters_has_failed),
        TEST(a_stopped_module_starts_again_from_its_beginning),
        TEST(a_restart_that_traps_keeps_the_module_and_its_sensor),
        TEST(a_trapped_module_can_be_started_again_or_replaced),
        TEST(a_swap_hands_over_state_numbers_and_parameters),
        TEST(another_schema_or_stream_begins_anew),
        TEST(a_state_of_another_size_than_is_declared_is_no_candidate),
        TEST(a_candidate_beside_another_module_has_its_state_and_gets_its_samples),
        TEST(a_candidate_starts_beside_what_runs_in_another_slot_only),
        TEST(a_swap_that_traps_leaves_the_old_module_as_it_was),
        TEST(a_swap_without_memory_for_two_leaves_the_old_one),
        TEST(a_shared_sensor_goes_with_the_last_that_uses_it),
        TEST(running_modules_that_listen_are_counted),
        TEST(a_snapshot_gives_its_readings_once_all_of_it_holds),
        TEST(a_board_sensor_is_hurried_only_while_a_module_asks),
        TEST(parameters_that_are_not_named_go_back_to_their_defaults),
        TEST(parameters_that_grow_too_large_are_refused_with_the_reason),
        TEST(a_config_that_traps_stops_the_module),
    };
    return cmocka_run_group_tests_name("slot", tests, NULL, NULL);
}
