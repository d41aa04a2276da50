/* A module that asks its host for much runs in slot 0 and is recorded: wasm/asks.wat. */
#ifndef TRACE_FIXTURE_H
#define TRACE_FIXTURE_H

#include "slot_board.h"

#include "manifest_maker.h"
#include "node/state.h"
#include "node/trace.h"
#include "runtime_modules.h" /* made by embed_wat.py */

static char changed[64];

void coap_server_changed(const char *path) {
    if (strstr(path, "/trace"))
        snprintf(changed, sizeof changed, "%s", path);
}

static inline void install(int slot) {
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
    ASSERT_OK(send_blocks(slot, 0, len, len));
}

static inline int setup(void **state) {
    (void)state;
    setup_on(&bank_to_spare);
    install(0);
    ASSERT_OK(start(0));
    return 0;
}

static inline int end_trace(void **state) {
    trace_stop(0);
    return teardown(state);
}

static uint8_t snapshot[4096];
static size_t snapshot_len;

/* Snapshot and trace begin together: nothing lies between them. */
static inline void begin_recording(void) {
    struct state_window window = {.bytes = snapshot, .cap = sizeof snapshot};
    ASSERT_OK(trace_start(0, slot_at(0)->active, why, sizeof why));
    state_encode(slot_at(0)->active, &window);
    assert_int_equal(window.len, window.total);
    snapshot_len = window.len;
}

static uint8_t records[TRACE_RING_BYTES];

/* All records of the trace as an array, which replay_events() takes; `skip` of the first left out. */
static inline struct span recorded(uint32_t skip) {
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

#endif
