/* Slots in which wasm/life.wat runs. */
#ifndef SLOT_FIXTURE_H
#define SLOT_FIXTURE_H

#include "slot_board.h"

#include "bundle_maker.h"

static const struct release v1 = {.version = "1",
                                  .sensor = "river",
                                  .stream = "out",
                                  .parameter = {"start", "config", "room", "state"},
                                  .value = {0, 0, 512, 0},
                                  .schema = "life/1",
                                  .budget_us = 50000,
                                  .pages = 1};

void coap_server_changed(const char *path) {
    (void)path;
}

static inline wm_status install(int index, const struct release *release) {
    size_t len = make_bundle(release, bundle, sizeof bundle);
    return send_blocks(index, 0, len, len);
}

/* The first block only. */
static inline void begin_upload(int index, const struct release *release) {
    size_t len = make_bundle(release, bundle, sizeof bundle);
    assert_true(len > BLOCK);
    assert_int_equal(send_blocks(index, 0, BLOCK, len), WM_OK);
}

/* The blocks of its head, of which the last one waits for a bank; returns the length of all. */
static inline size_t offer_head(int index, const struct release *release, size_t block) {
    size_t len = make_bundle(release, bundle, sizeof bundle);
    struct bundle_head head;
    assert_true(bundle_get_head(bundle, len, &head));
    for (size_t at = 0; at < head.module_at; at += block) {
        assert_false(slot_upload_waits(index));
        assert_int_equal(offer_block(index, at, block, len), WM_OK);
    }
    return len;
}

static inline void run(int index, const struct release *release) {
    ASSERT_OK(install(index, release));
    ASSERT_OK(start(index));
}

/* A value of the newest record in the slot's stream "out": 0 samples counted, 1 what emit answered
 * in on_start, 2 what sensor_read answered at load. */
static inline float newest(int index, size_t value) {
    uint8_t record[128];
    struct stream *stream = stream_find(index, "out");
    assert_non_null(stream);
    struct record_batch batch = record_ring_newest(&stream->ring, record, sizeof record);
    assert_int_equal(batch.count, 1);
    float out;
    memcpy(&out, record + batch.len - 12 + 4 * value, sizeof out);
    return out;
}

#endif
