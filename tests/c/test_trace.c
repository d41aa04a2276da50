/* What enters a module is recorded, and brought to it again gives the same outputs: real engine, real
 * slots. The module runs in slot 0 and is replayed in slot 1. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "core/bytes.h"
#include "core/cbor.h"
#include "fake_hal.h"
#include "manifest_maker.h"
#include "net/coap_server.h"
#include "node/log.h"
#include "node/replay.h"
#include "node/sensor.h"
#include "node/slot.h"
#include "node/state.h"
#include "node/stream.h"
#include "node/trace.h"
#include "store/pool.h"
#include "store/store.h"
#include "tests/powercut/nor.h"
#include "runtime_modules.h" /* made by embed_wat.py */

static _Alignas(8) uint8_t arena[2 * MODULE_ARENA_BYTES];
static uint8_t bundle[MODULE_BANK_BYTES];
static uint8_t snapshot[4096];
static size_t snapshot_len;
static char why[SLOT_WHY_CAP];
static char changed[64];

void coap_server_changed(const char *path) {
    if (strstr(path, "/trace"))
        snprintf(changed, sizeof changed, "%s", path);
}

void coap_server_gone(const char *path) {
    (void)path;
}

void slipmux_link_diagnostic(const char *text, size_t len) {
    (void)text;
    (void)len;
}

size_t hal_sensor_count(void) {
    return 0;
}

const struct hal_sensor *hal_sensor_info(size_t index) {
    (void)index;
    return NULL;
}

wm_status hal_sensor_take(size_t index, hal_raw *raw) {
    (void)index;
    (void)raw;
    return WM_EIO;
}

wm_status hal_sensor_values(size_t index, const hal_raw *raw, float *values) {
    (void)index;
    (void)raw;
    (void)values;
    return WM_EIO;
}

#define ASSERT_OK(call)                                                                                 \
    do {                                                                                                \
        wm_status got = (call);                                                                         \
        if (got != WM_OK)                                                                               \
            fail_msg("%s: %s", #call, why);                                                             \
    } while (0)

/* ---- a module that asks ------------------------------------------------------------------ */

static void install(int slot) {
    struct manifest_fields fields = {
        .name = "asks",
        .version = "1",
        .cpu = "any",
        .number = {[2] = 1, [4] = sizeof wasm_asks, [5] = 1, [7] = 1, [8] = 1024, [14] = 50000},
        .stream = {{"told", 3}},
        .input = {{"river", {"value"}, 1, 0}},
        .parameter = {{"gain", 1}},
        .schema = "asks/1",
        .state_bytes = 4,
        .capability = {"random"},
        .leave_out = {[15] = true},
    };
    size_t len = make_bundle_of(&fields, wasm_asks, sizeof wasm_asks, bundle, sizeof bundle);
    ASSERT_OK(slot_upload_prepare(slot, why, sizeof why));
    ASSERT_OK(slot_upload(slot, 0, bundle, len, false, why, sizeof why));
}

static uint32_t first_number(void *arg, const char *name) {
    (void)arg;
    (void)name;
    return 0;
}

static const struct slot_numbering numbering = {first_number, NULL};

static int setup(void **state) {
    static const struct geometry geometry = {
        "a bank to spare", {16384, 16384}, 16384, {32768, 32768, 32768}};
    static bool started;
    (void)state;
    fake_reset();
    runtime_arena_init(arena, sizeof arena);
    runtime_set_clock(hal_now_us);
    runtime_set_native_stack((const uint8_t *)__builtin_frame_address(0) - 512 * 1024);
    log_start();
    nor_reset(&geometry, 1);
    assert_int_equal(store_start(), WM_OK);
    pool_start();
    if (!started)
        sensors_start(slots_deliver);
    started = true;
    slots_start(false, true);
    install(0);
    ASSERT_OK(slot_start(0, numbering, why, sizeof why));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    trace_stop(0);
    for (int slot = 0; slot < MODULE_SLOTS; slot++)
        assert_int_equal(slot_remove(slot, why, sizeof why), WM_OK);
    return 0;
}

static void feed(float value) {
    static int64_t next_ms = 1000;
    assert_int_equal(sensor_publish(sensor_find("river"), next_ms++, &value), WM_OK);
}

static void configure(double gain) {
    uint8_t map[32];
    struct cbor_out out;
    cbor_out_init(&out, map, sizeof map);
    cbor_put_map(&out, 1);
    cbor_put_text(&out, "gain");
    cbor_put_double(&out, gain);
    ASSERT_OK(slot_configure(0, (struct span){map, out.len}, why, sizeof why));
}

/* Snapshot and trace begin together: nothing lies between them. */
static void begin_recording(void) {
    struct state_window window = {.bytes = snapshot, .cap = sizeof snapshot};
    ASSERT_OK(trace_start(0, slot_at(0)->active, why, sizeof why));
    state_encode(slot_at(0)->active, &window);
    assert_int_equal(window.len, window.total);
    snapshot_len = window.len;
}

/* ---- what was recorded ------------------------------------------------------------------- */

static uint8_t records[TRACE_RING_BYTES];

/* All records of the trace as an array, which replay_events() takes; `skip` of the first left out. */
static struct span recorded(uint32_t skip) {
    uint8_t raw[TRACE_RING_BYTES];
    struct record_batch batch = record_ring_all(trace_ring(0), raw, sizeof raw);
    struct cbor_in in;
    struct cbor_out out;
    cbor_in_init(&in, raw, batch.len);
    for (uint32_t i = 0; i < skip; i++)
        cbor_skip(&in);
    cbor_out_init(&out, records, sizeof records);
    cbor_put_array(&out, batch.count - skip);
    cbor_put_raw(&out, in.at, (size_t)(in.end - in.at));
    return (struct span){records, out.len};
}

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

/* ---- tests ------------------------------------------------------------------------------- */

static void events_replayed_with_their_answers_give_the_same_outputs(void **state) {
    (void)state;
    bool strayed;
    begin_recording();
    feed(1.5f);
    fake_advance_us(1234000);
    slots_tick(777);
    configure(2);
    feed(150);
    struct span events = recorded(0);
    fake_advance_us(9000000); /* neither the clock nor the next random numbers are what they were */
    restore();
    ASSERT_OK(replay_all(events, &strayed));
    assert_same_outputs(3);
    assert_int_equal(slot_at(1)->active->events, slot_at(0)->active->events);
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

static void a_trap_is_recorded_and_replayed(void **state) {
    (void)state;
    bool strayed;
    begin_recording();
    feed(-1);
    assert_int_equal(slot_at(0)->state, SLOT_TRAPPED);
    assert_non_null(newest_member(TRACE_KEY_TRAP));
    restore();
    assert_int_equal(replay_all(recorded(0), &strayed), WM_ETRAP);
    assert_false(strayed);
    assert_non_null(strstr(why, "event 1: "));
    assert_int_equal(slot_at(1)->state, SLOT_TRAPPED);
}

static void a_module_that_begins_anew_is_a_record_and_its_start_is_none(void **state) {
    (void)state;
    begin_recording();
    feed(1);
    ASSERT_OK(slot_stop(0, why, sizeof why));
    ASSERT_OK(slot_start(0, numbering, why, sizeof why));
    assert_int_equal(recorded(0).bytes[0], 0x82);
    assert_int_equal(*newest_member(TRACE_KEY_KIND), TRACE_BEGAN);
    assert_memory_equal(newest_member(TRACE_KEY_DIGEST) + 1, slot_at(0)->active->manifest.digest,
                        SHORT_DIGEST_BYTES);
    install(0);
    ASSERT_OK(slot_swap(0, numbering, why, sizeof why));
    assert_int_equal(recorded(0).bytes[0], 0x83);
    feed(2);
    assert_int_equal(recorded(0).bytes[0], 0x84);
}

static void an_event_too_large_for_a_record_says_so(void **state) {
    (void)state;
    bool strayed;
    begin_recording();
    feed(201);
    assert_non_null(newest_member(TRACE_KEY_CUT));
    assert_null(newest_member(TRACE_KEY_CALLS));
    restore();
    assert_int_equal(replay_all(recorded(0), &strayed), WM_EINVAL);
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
                              0xa4,
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

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(events_replayed_with_their_answers_give_the_same_outputs),
        TEST(a_record_tells_of_one_event_and_announces_itself),
        TEST(a_trap_is_recorded_and_replayed),
        TEST(a_module_that_begins_anew_is_a_record_and_its_start_is_none),
        TEST(an_event_too_large_for_a_record_says_so),
        TEST(one_slot_at_a_time_is_traced),
        TEST(only_the_next_event_of_a_paused_module_is_taken),
        TEST(other_calls_than_recorded_are_told_with_event_and_function),
        TEST(a_call_that_is_missing_or_too_many_is_told),
        TEST(what_is_no_record_is_refused_before_anything_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
