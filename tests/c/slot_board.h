/* Slots with the real engine, over flash that is under the test's control, and a board of one sensor. */
#ifndef SLOT_BOARD_H
#define SLOT_BOARD_H

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "core/cbor.h"
#include "fake_hal.h"
#include "net/coap_server.h"
#include "node/log.h"
#include "node/sensor.h"
#include "node/slot.h"
#include "node/stream.h"
#include "store/pool.h"
#include "store/store.h"
#include "tests/powercut/nor.h"

#define KIB 1024u

static const struct geometry bank_to_spare = {
    "a bank to spare", {16 * KIB, 16 * KIB}, 16 * KIB, {32 * KIB, 32 * KIB, 32 * KIB}};

/* Twice a board's: code and tables take twice the room on a 64-bit host. */
static _Alignas(8) uint8_t arena[2 * MODULE_ARENA_BYTES];
static uint8_t bundle[MODULE_BANK_BYTES * 2];
static char why[SLOT_WHY_CAP];
static unsigned board_reads;

/* ---- what is around the slots, but for coap_server_changed() ----------------------------- */

static char gone[64];

void coap_server_gone(const char *path) {
    snprintf(gone, sizeof gone, "%s", path);
}

void slipmux_link_diagnostic(const char *text, size_t len) {
    (void)text;
    (void)len;
}

size_t hal_sensor_count(void) {
    return 1;
}

const struct hal_sensor *hal_sensor_info(size_t index) {
    static const char *const channel[] = {"value"}, *const unit[] = {"1"};
    static const struct hal_sensor chip = {"chip", 1, channel, unit};
    assert_int_equal(index, 0);
    return &chip;
}

wm_status hal_sensor_take(size_t index, hal_raw *raw) {
    assert_int_equal(index, 0);
    board_reads++;
    raw->value[0] = 20;
    return WM_OK;
}

wm_status hal_sensor_values(size_t index, const hal_raw *raw, float *values) {
    assert_int_equal(index, 0);
    values[0] = raw->value[0];
    return WM_OK;
}

/* What is in RAM is gone. */
static inline void lose_power(void) {
    for (int index = 0; index < MODULE_SLOTS; index++) {
        loop_timer_cancel(&slot_at(index)->restart);
        streams_drop(index);
    }
    for (int sensor = 0; sensor < SENSORS_MAX; sensor++)
        sensor_remove(sensor);
    nor_power_on();
    runtime_arena_init(arena, sizeof arena);
}

enum reset { POWER_CUT, FAULT, ESCAPE };

/* Power comes back, the node resets itself, somebody wants it to start no module. */
static inline void reset(enum reset how) {
    lose_power();
    assert_int_equal(store_start(), WM_OK);
    pool_start();
    slots_start(how == FAULT, how != ESCAPE);
}

static inline int setup_on(const struct geometry *geometry) {
    static bool started;
    fake_reset();
    nor_reset(geometry, 1);
    runtime_set_clock(hal_now_us);
    runtime_set_native_stack((const uint8_t *)__builtin_frame_address(0) - 512 * 1024);
    log_start();
    if (!started)
        sensors_start(slots_deliver);
    started = true;
    reset(POWER_CUT);
    return 0;
}

static inline int teardown(void **state) {
    (void)state;
    for (int index = 0; index < MODULE_SLOTS; index++)
        assert_int_equal(slot_remove(index, why, sizeof why), WM_OK);
    assert_int_equal(pool_unused(), pool_count());
    assert_int_equal(runtime_arena_free(), sizeof arena);
    assert_int_equal(nor_windows(), 0);
    assert_int_equal(sensor_find("river"), WM_ENOENT);
    return 0;
}

/* ---- verbs ------------------------------------------------------------------------------- */

#define BLOCK 256u

/* Without the bank that it may need. */
static inline wm_status offer_block(int index, size_t at, size_t size, size_t len) {
    size_t left = len - at;
    return slot_upload(index, (uint32_t)at, bundle + at, left < size ? left : size, left > size, why,
                       sizeof why);
}

static inline wm_status send_block(int index, size_t at, size_t size, size_t len) {
    wm_status status = offer_block(index, at, size, len);
    if (status == WM_OK && slot_upload_waits(index)) {
        do {
            status = slot_upload_prepare(index, false, why, sizeof why);
        } while (status == WM_EAGAIN);
    }
    return status;
}

static inline wm_status send_blocks(int index, size_t from, size_t to, size_t len) {
    wm_status status = WM_OK;
    for (size_t at = from; at < to && status == WM_OK; at += BLOCK)
        status = send_block(index, at, BLOCK, len);
    return status;
}

static inline uint32_t first_number(void *arg, const char *name) {
    (void)name;
    return *(uint32_t *)arg;
}

static uint32_t number_of_new_streams;
static const struct slot_numbering numbering = {first_number, &number_of_new_streams};

static inline wm_status start(int index) {
    return slot_start(index, numbering, why, sizeof why);
}

static inline wm_status swap(int index) {
    return slot_swap(index, numbering, why, sizeof why);
}

#define ASSERT_OK(call)                                                                                 \
    do {                                                                                                \
        wm_status got = (call);                                                                         \
        if (got != WM_OK)                                                                               \
            fail_msg("%s: %s", #call, why);                                                             \
    } while (0)

static int64_t next_ms = 1000;

static inline void feed(float value) {
    int sensor = sensor_find("river");
    assert_true(sensor >= 0);
    assert_int_equal(sensor_publish(sensor, next_ms++, &value), WM_OK);
}

static inline wm_status configure(int index, const char *name, double value) {
    uint8_t map[192];
    struct cbor_out out;
    cbor_out_init(&out, map, sizeof map);
    cbor_put_map(&out, 1);
    cbor_put_text(&out, name);
    cbor_put_double(&out, value);
    return slot_configure(index, (struct span){map, out.len}, why, sizeof why);
}

#endif
