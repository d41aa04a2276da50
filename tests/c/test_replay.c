/* What was recorded of a module in slot 0, brought to it again in slot 1, gives the same outputs: real
 * engine, real slots. */
#include "trace_fixture.h"

#include "node/replay.h"

static void restore(void) {
    install(1);
    ASSERT_OK(slot_restore(1, 0, snapshot, snapshot_len, false, why, sizeof why));
    assert_int_equal(slot_at(1)->state, SLOT_PAUSED);
}

static wm_status replay_all(struct span events, bool *strayed) {
    return replay_events(1, events, strayed, why, sizeof why);
}

static struct record_batch outputs(int slot, uint8_t *out, size_t cap) {
    return record_ring_all(&stream_find(slot, "told")->ring, out, cap);
}

static void assert_same_outputs(uint32_t count) {
    uint8_t then[1024], now[1024];
    struct record_batch was = outputs(0, then, sizeof then), is = outputs(1, now, sizeof now);
    assert_int_equal(was.count, count);
    assert_int_equal(is.count, count);
    assert_int_equal(was.len, is.len);
    assert_memory_equal(then, now, is.len);
}

static void events_replayed_with_their_answers_give_the_same_outputs(void **state) {
    (void)state;
    bool strayed;
    begin_recording();
    feed(1.5f);
    fake_advance_us(1234000);
    slots_tick(777);
    ASSERT_OK(configure(0, "gain", 2));
    feed(150);
    struct span events = recorded(0);
    fake_advance_us(9000000); /* neither the clock nor the next random numbers are what they were */
    restore();
    ASSERT_OK(replay_all(events, &strayed));
    assert_same_outputs(3);
    assert_int_equal(slot_at(1)->active->events, slot_at(0)->active->events);
}

static void a_trap_is_replayed(void **state) {
    (void)state;
    bool strayed;
    begin_recording();
    feed(-1);
    assert_int_equal(slot_at(0)->state, SLOT_TRAPPED);
    restore();
    assert_int_equal(replay_all(recorded(0), &strayed), WM_ETRAP);
    assert_false(strayed);
    assert_non_null(strstr(why, "event 1: "));
    assert_int_equal(slot_at(1)->state, SLOT_TRAPPED);
}

static void an_event_that_was_too_large_for_a_record_cannot_be_replayed(void **state) {
    (void)state;
    bool strayed;
    begin_recording();
    feed(201);
    restore();
    assert_int_equal(replay_all(recorded(0), &strayed), WM_EINVAL);
}

static void only_the_next_event_of_a_paused_module_is_taken(void **state) {
    (void)state;
    bool strayed;
    begin_recording();
    feed(1);
    feed(2);
    feed(3);
    assert_int_equal(replay_events(0, recorded(0), &strayed, why, sizeof why), WM_EBUSY);
    restore();
    assert_int_equal(replay_all(recorded(1), &strayed), WM_EBUSY);
    assert_non_null(strstr(why, "event 2 is not the next one, which is event 1"));
    ASSERT_OK(replay_all(recorded(0), &strayed));
    assert_int_equal(replay_all(recorded(0), &strayed), WM_EBUSY); /* the same once more */
    assert_same_outputs(3);
}

/* The one call of a record that begins with these bytes becomes another one. */
static struct span bend(const uint8_t *call, size_t len, const uint8_t *with) {
    struct span events = recorded(0);
    for (size_t at = 0; at + len <= events.len; at++) {
        if (memcmp(records + at, call, len) == 0) {
            memcpy(records + at, with, len);
            return events;
        }
    }
    fail_msg("there is no such call");
    return events;
}

static void assert_strays(struct span events, const char *reason) {
    bool strayed;
    restore();
    assert_int_equal(replay_all(events, &strayed), WM_ETRAP);
    assert_true(strayed);
    if (!strstr(why, reason))
        fail_msg("\"%s\" does not say \"%s\"", why, reason);
    assert_int_equal(slot_at(1)->state, SLOT_TRAPPED);
    assert_int_equal(slot_remove(1, why, sizeof why), WM_OK);
}

static void other_calls_than_recorded_are_told_with_event_and_function(void **state) {
    (void)state;
    begin_recording();
    feed(7);
    assert_strays(bend((const uint8_t[]){0x82, 1, 0}, 3, (const uint8_t[]){0x82, 3, 0}),
                  "event 1 calls emit where it called now_ms in the recording");
    assert_strays(bend((const uint8_t[]){0x82, 1, 0}, 3, (const uint8_t[]){0x82, 1, 1}),
                  "event 1 emits to another stream");
    assert_strays(bend((const uint8_t[]){0x84, 0, 0}, 3, (const uint8_t[]){0x84, 0, 1}),
                  "event 1 reads input 0");
}

static void a_call_that_is_missing_or_too_many_is_told(void **state) {
    (void)state;
    begin_recording();
    feed(150); /* one random more than below */
    /* 150 is 0x43160000, 1 is 0x3f800000 */
    const uint8_t high[] = {0, 0, 0x16, 0x43}, low[] = {0, 0, 0x80, 0x3f};
    assert_strays(bend(high, sizeof high, low),
                  "event 1 calls sensor_read where it called random in the recording");
    const uint8_t five[] = {TRACE_KEY_CALLS, 0x99, 0, 5}, none[] = {23, 0x99, 0, 5}; /* another key */
    assert_strays(bend(five, sizeof five, none),
                  "event 1 calls random, which it did not in the recording");
    const uint8_t config[] = {0x81,
                              0xa5,
                              TRACE_KEY_SEQUENCE,
                              0,
                              TRACE_KEY_KIND,
                              TRACE_CONFIG,
                              TRACE_KEY_EVENT,
                              1,
                              TRACE_KEY_CONTENT,
                              0x41,
                              0xa0,
                              TRACE_KEY_CALLS,
                              0x82,
                              0x82,
                              CALL_RANDOM,
                              0x44,
                              0,
                              0,
                              0,
                              0,
                              0x82,
                              CALL_NOW_MS,
                              0};
    assert_strays((struct span){config, sizeof config},
                  "event 1 does not call now_ms, which it did in the recording");
}

static void what_is_no_record_is_refused_before_anything_runs(void **state) {
    (void)state;
    bool strayed;
    begin_recording();
    feed(1);
    feed(2);
    struct span events = recorded(0);
    restore();
    for (size_t len = 0; len < events.len; len++)
        assert_int_equal(replay_all((struct span){events.bytes, len}, &strayed), WM_EINVAL);
    assert_int_equal(slot_at(1)->active->events, 1);
    for (size_t at = 0; at < events.len; at++) { /* whatever a bent bit makes of it, it is survived */
        for (int bit = 0; bit < 8; bit++) {
            events = recorded(0);
            records[at] ^= (uint8_t)(1 << bit);
            replay_all(events, &strayed);
            assert_int_equal(slot_remove(1, why, sizeof why), WM_OK);
            restore();
        }
    }
}

static void no_events_at_all_are_no_request(void **state) {
    (void)state;
    static const uint8_t none[] = {0x80};
    bool strayed;
    begin_recording();
    restore();
    assert_int_equal(replay_all((struct span){none, sizeof none}, &strayed), WM_EINVAL);
    assert_int_equal(replay_all((struct span){none, 0}, &strayed), WM_EINVAL);
    assert_int_equal(slot_at(1)->state, SLOT_PAUSED);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end_trace)
    const struct CMUnitTest tests[] = {
        TEST(events_replayed_with_their_answers_give_the_same_outputs),
        TEST(a_trap_is_replayed),
        TEST(an_event_that_was_too_large_for_a_record_cannot_be_replayed),
        TEST(only_the_next_event_of_a_paused_module_is_taken),
        TEST(other_calls_than_recorded_are_told_with_event_and_function),
        TEST(a_call_that_is_missing_or_too_many_is_told),
        TEST(what_is_no_record_is_refused_before_anything_runs),
        TEST(no_events_at_all_are_no_request),
    };
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
