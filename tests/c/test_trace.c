/* What enters a module is recorded, one record for each event: real engine, real slots. */
#include "trace_fixture.h"

/* The member of the newest record behind this key, or NULL. */
static const uint8_t *newest_member(enum trace_key wanted) {
    static uint8_t record[TRACE_EVENT_MAX];
    struct record_batch batch = record_ring_newest(trace_ring(0), record, sizeof record);
    struct cbor_in in;
    assert_int_equal(batch.count, 1);
    cbor_in_init(&in, record, batch.len);
    for (size_t pairs = cbor_get_map(&in); pairs; pairs--) {
        uint64_t key = cbor_get_uint(&in);
        if (key == wanted)
            return in.at;
        cbor_skip(&in);
    }
    assert_true(cbor_at_end(&in)); /* and the map has as many pairs as it says */
    return NULL;
}

static void a_record_tells_of_one_event_and_announces_itself(void **state) {
    (void)state;
    changed[0] = 0;
    feed(1); /* before it */
    begin_recording();
    assert_int_equal(recorded(0).len, 1);
    feed(2);
    assert_string_equal(changed, "modules/0/trace");
    assert_int_equal(recorded(0).bytes[0], 0x81);
    assert_int_equal(*newest_member(TRACE_KEY_KIND), TRACE_SAMPLE);
    assert_int_equal(*newest_member(TRACE_KEY_EVENT), 2);   /* behind the config and the first sample */
    assert_int_equal(newest_member(TRACE_KEY_CALLS)[2], 4); /* sensor_read, now_ms, random, emit */
    assert_null(newest_member(TRACE_KEY_TRAP));
    changed[0] = 0;
    trace_stop(0);
    assert_string_equal(changed, "modules/0/trace");
    feed(3);
    assert_int_equal(recorded(0).bytes[0], 0x81);
}

static void a_trap_is_part_of_its_event(void **state) {
    (void)state;
    begin_recording();
    feed(-1);
    assert_int_equal(slot_at(0)->state, SLOT_TRAPPED);
    assert_non_null(newest_member(TRACE_KEY_TRAP));
}

static void a_module_that_begins_anew_is_a_record_and_its_start_is_none(void **state) {
    (void)state;
    begin_recording();
    feed(1);
    ASSERT_OK(slot_stop(0, why, sizeof why));
    ASSERT_OK(start(0));
    assert_int_equal(recorded(0).bytes[0], 0x82);
    assert_int_equal(*newest_member(TRACE_KEY_KIND), TRACE_BEGAN);
    assert_memory_equal(newest_member(TRACE_KEY_DIGEST) + 1, slot_at(0)->active->manifest.digest,
                        SHORT_DIGEST_BYTES);
    install(0);
    ASSERT_OK(swap(0));
    assert_int_equal(recorded(0).bytes[0], 0x83);
    feed(2);
    assert_int_equal(recorded(0).bytes[0], 0x84);
}

static void an_event_too_large_for_a_record_says_so(void **state) {
    (void)state;
    begin_recording();
    feed(201);
    assert_non_null(newest_member(TRACE_KEY_CUT));
    assert_null(newest_member(TRACE_KEY_CALLS));
}

static void one_slot_at_a_time_is_traced(void **state) {
    (void)state;
    begin_recording();
    feed(1);
    assert_int_equal(trace_start(1, NULL, why, sizeof why), WM_EBUSY);
    assert_non_null(strstr(why, "slot 0"));
    assert_null(trace_ring(1));
    ASSERT_OK(trace_start(0, slot_at(0)->active, why, sizeof why)); /* it goes on */
    assert_int_equal(recorded(0).bytes[0], 0x81);
    uint32_t next = trace_next();
    trace_stop(0);
    ASSERT_OK(trace_start(1, NULL, why, sizeof why));
    assert_int_equal(trace_next(), next);
    trace_stop(1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end_trace)
    const struct CMUnitTest tests[] = {
        TEST(a_record_tells_of_one_event_and_announces_itself),
        TEST(a_trap_is_part_of_its_event),
        TEST(a_module_that_begins_anew_is_a_record_and_its_start_is_none),
        TEST(an_event_too_large_for_a_record_says_so),
        TEST(one_slot_at_a_time_is_traced),
    };
    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
