/* A noisy line, the same noise in every run: bytes are lost, flipped, doubled and made up. A frame that
 * was not touched and follows an END must arrive; one that nobody sent must not, but for the 1 in 65536
 * that the FCS-16 cannot tell (RFC 1662 appendix C), which are counted and bounded. */
#include "cmocka_all.h"

#include <math.h>
#include <string.h>

#include "mutation.h"
#include "net/slipmux.h"

#ifndef NOISE_FRAMES
#define NOISE_FRAMES 1000000 /* of all rates together */
#endif
#define CONTENT_MAX 48
#define LINE_MAX (2 * (CONTENT_MAX + SLIPMUX_OVERHEAD) + 2)

/* ---- frames ----------------------------------------------------------------------------- */

struct sent {
    uint8_t content[CONTENT_MAX];
    size_t len;
    bool arrived;
};

static struct sent current, previous;

/* Bytes that need an escape are far more frequent than in life. */
static void make_frame(void) {
    static const uint8_t special[] = {SLIP_END, SLIP_ESC, SLIP_ESC_END, SLIP_ESC_ESC, SLIPMUX_COAP};
    previous = current;
    current.arrived = false;
    current.len = 4 + random_below(CONTENT_MAX - 3);
    for (size_t i = 0; i < current.len; i++) {
        current.content[i] =
            random_below(8) == 0 ? special[random_below(sizeof special)] : (uint8_t)random_below(256);
    }
}

static size_t encode_frame(uint8_t line[LINE_MAX]) {
    uint8_t frame[CONTENT_MAX + SLIPMUX_OVERHEAD];
    struct slip_encoder encoder;
    size_t len = slipmux_put_message(frame, sizeof frame, current.content, current.len);
    slip_encoder_init(&encoder, frame, len);
    return slip_encode(&encoder, line, LINE_MAX);
}

/* ---- the receiver ----------------------------------------------------------------------- */

static struct slipmux mux;
static uint8_t newest_on_line;
static uint32_t arrived, wrong, doubled;

static bool is(const struct sent *sent, const uint8_t *content, size_t len) {
    return sent->len == len && memcmp(sent->content, content, len) == 0;
}

/* One whose last END was lost ends with the next one's first. */
static void judge(const uint8_t *content, size_t len) {
    struct sent *which = is(&current, content, len) ? &current : &previous;
    if (!is(which, content, len)) {
        wrong++;
        return;
    }
    doubled += which->arrived;
    arrived += !which->arrived;
    which->arrived = true;
}

static void put_on_line(uint8_t byte) {
    const uint8_t *content;
    size_t len;
    newest_on_line = byte;
    if (slipmux_receive(&mux, byte, &content, &len) == SLIPMUX_MESSAGE) {
        judge(content, len);
    }
}

/* ---- the line --------------------------------------------------------------------------- */

static void damage(uint8_t byte) {
    switch (random_below(4)) {
    case 0: /* lost */
        break;
    case 1:
        put_on_line(byte ^ (uint8_t)(1u << random_below(8)));
        break;
    case 2:
        put_on_line(byte);
        put_on_line(byte);
        break;
    default:
        put_on_line(byte);
        put_on_line((uint8_t)random_below(256));
        break;
    }
}

/* Sends one frame; returns whether all of it behind its first END went through, behind an END. */
static bool send_frame(uint32_t damaged_in_million, bool *touched) {
    uint8_t line[LINE_MAX];
    bool whole = true;
    size_t len = encode_frame(line);
    *touched = false;
    for (size_t i = 0; i < len; i++) {
        whole &= i != 1 || newest_on_line == SLIP_END;
        if (random_below(1000000) < damaged_in_million) {
            damage(line[i]);
            *touched = true;
            whole &= i == 0;
        } else {
            put_on_line(line[i]);
        }
    }
    return whole;
}

static void run(uint32_t frames, uint32_t damaged_in_million) {
    uint32_t touched_frames = 0;
    random_state = 20201121;
    arrived = wrong = doubled = 0;
    slipmux_init(&mux);
    for (uint32_t i = 0; i < frames; i++) {
        bool touched;
        make_frame();
        bool whole = send_frame(damaged_in_million, &touched);
        touched_frames += touched;
        assert_true(!whole || current.arrived);
    }
    double expected = touched_frames / 65536.0;
    print_message("%u frames, %u touched: %u arrived, %u wrong (%.1f expected)\n", (unsigned)frames,
                  (unsigned)touched_frames, (unsigned)arrived, (unsigned)wrong, expected);
    assert_true(arrived >= frames - touched_frames);
    assert_true(wrong <= expected + 6 * sqrt(expected) + 3);
    assert_int_equal(doubled, 0);
}

static void a_byte_in_a_thousand_is_damaged(void **state) {
    (void)state;
    run(NOISE_FRAMES / 10 * 6, 1000);
}

static void a_byte_in_a_hundred_is_damaged(void **state) {
    (void)state;
    run(NOISE_FRAMES / 10 * 3, 10000);
}

static void a_byte_in_ten_is_damaged(void **state) {
    (void)state;
    run(NOISE_FRAMES / 10, 100000);
}

/* ---- frames without an end (SLIPMUX_FRAME_MAX bounds the memory) ------------------------- */

static void what_never_ends_costs_no_memory_and_no_frame(void **state) {
    (void)state;
    random_state = 7;
    slipmux_init(&mux);
    for (int kind = 0; kind < 3; kind++) {
        for (uint32_t i = 0; i < 1000000; i++) {
            uint8_t noise = (uint8_t)random_below(256);
            put_on_line(kind == 0 ? SLIP_ESC : kind == 1 ? 0xA9 : noise == SLIP_END ? 0 : noise);
            assert_true(mux.slip.len <= SLIPMUX_FRAME_MAX);
        }
        bool touched;
        make_frame();
        assert_true(send_frame(0, &touched) && current.arrived);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_byte_in_a_thousand_is_damaged),
        cmocka_unit_test(a_byte_in_a_hundred_is_damaged),
        cmocka_unit_test(a_byte_in_ten_is_damaged),
        cmocka_unit_test(what_never_ends_costs_no_memory_and_no_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
