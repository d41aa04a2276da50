/* slipmux: kinds of frame, the checksum, and a counter for each way to lose a frame. */
#include "cmocka_all.h"

#include <string.h>

#include "net/slipmux.h"

static struct slipmux mux;
static const uint8_t *content;
static size_t len;

static int fresh(void **state) {
    (void)state;
    slipmux_init(&mux);
    return 0;
}

static enum slipmux_result feed(const void *bytes, size_t count) {
    enum slipmux_result last = SLIPMUX_MORE;
    for (size_t i = 0; i < count; i++) {
        enum slipmux_result result = slipmux_receive(&mux, ((const uint8_t *)bytes)[i], &content, &len);
        last = result != SLIPMUX_MORE ? result : last;
    }
    return last;
}

#define FEED(bytes) feed(bytes, sizeof(bytes) - 1)

static enum slipmux_result feed_frame(const uint8_t *frame, size_t frame_len) {
    uint8_t line[2 * SLIPMUX_FRAME_MAX + 16];
    struct slip_encoder encoder;
    slip_encoder_init(&encoder, frame, frame_len);
    return feed(line, slip_encode(&encoder, line, sizeof line));
}

static void the_checksum_is_that_of_rfc_1662(void **state) {
    (void)state;
    /* The example of the slipmux draft, sent low byte first: 24 26. */
    assert_int_equal(slipmux_fcs((const uint8_t *)"coap is cool!", 13), 0x2624);
    assert_int_equal(slipmux_fcs((const uint8_t *)"123456789", 9), 0x906e); /* CRC-16/X.25 check value */
    assert_int_equal(slipmux_fcs(NULL, 0), 0x0000);
}

/* A ping, checked by hand with a bit-by-bit CRC. */
static void a_message_is_framed_as_the_draft_says(void **state) {
    (void)state;
    static const uint8_t ping[] = {0x40, 0x00, 0x12, 0x34};
    uint8_t frame[16];
    size_t framed = slipmux_put_message(frame, sizeof frame, ping, sizeof ping);
    assert_int_equal(framed, 7);
    assert_int_equal(frame[0], 0xA9);
    assert_memory_equal(frame + 1, ping, sizeof ping);
    assert_int_equal(feed_frame(frame, framed), SLIPMUX_MESSAGE);
    assert_int_equal(len, sizeof ping);
    assert_memory_equal(content, ping, len);
}

/* The request of RFC 7252 figure 16; checksum by a bit-by-bit CRC, here as in the host's tests. */
static void a_published_message_has_these_bytes_on_the_line(void **state) {
    (void)state;
    static const uint8_t message[] = "\x40\x01\x7d\x34\xbbtemperature";
    static const uint8_t on_line[] = "\xc0\xa9\x40\x01\x7d\x34\xbbtemperature\x5e\xc6\xc0";
    uint8_t frame[32], line[40];
    size_t framed = slipmux_put_message(frame, sizeof frame, message, sizeof message - 1);
    struct slip_encoder encoder;
    slip_encoder_init(&encoder, frame, framed);
    assert_int_equal(slip_encode(&encoder, line, sizeof line), sizeof on_line - 1);
    assert_memory_equal(line, on_line, sizeof on_line - 1);
}

static void a_residue_of_a_good_frame_is_constant(void **state) {
    (void)state;
    uint8_t frame[32];
    size_t framed = slipmux_put_message(frame, sizeof frame, (const uint8_t *)"any", 3);
    assert_int_equal((uint16_t)~slipmux_fcs(frame, framed), 0xf0b8); /* RFC 1662 appendix C.2 */
}

static void text_has_no_checksum(void **state) {
    (void)state;
    assert_int_equal(FEED("\xc0\x0a"
                          "hello\xc0"),
                     SLIPMUX_TEXT);
    assert_int_equal(len, 5);
    assert_memory_equal(content, "hello", 5);
    assert_int_equal(FEED("\xc0\x0a\xc0"), SLIPMUX_TEXT);
    assert_int_equal(len, 0);
}

static void every_flipped_bit_is_seen(void **state) {
    (void)state;
    uint8_t frame[16];
    size_t framed =
        slipmux_put_message(frame, sizeof frame, (const uint8_t *)"\x40\x01\x00\x01\xb1q", 6);
    for (size_t bit = 8; bit < framed * 8; bit++) { /* the kind is not flipped here */
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(feed_frame(frame, framed), SLIPMUX_DROPPED);
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(mux.dropped.bad_fcs, (framed - 1) * 8);
    assert_int_equal(feed_frame(frame, framed), SLIPMUX_MESSAGE);
}

static void short_frames_are_no_messages(void **state) {
    (void)state;
    assert_int_equal(FEED("\xc0\xa9\xc0"), SLIPMUX_DROPPED);
    assert_int_equal(FEED("\xc0\xa9\x01\xc0"), SLIPMUX_DROPPED);
    assert_int_equal(mux.dropped.bad_fcs, 2);
}

static void each_cause_has_its_counter(void **state) {
    (void)state;
    static uint8_t big[SLIPMUX_FRAME_MAX + 1];
    memset(big, 'x', sizeof big);
    assert_int_equal(FEED("\xc0noise\xc0"), SLIPMUX_DROPPED);
    assert_int_equal(FEED("\xc0\xa9\xdb\x01 and more\xc0"), SLIPMUX_DROPPED);
    assert_int_equal(FEED("\xa9"
                          "abc\xdb\xc0"),
                     SLIPMUX_DROPPED);
    assert_int_equal(feed_frame(big, sizeof big), SLIPMUX_DROPPED);
    assert_int_equal(mux.dropped.unknown_kind, 1);
    assert_int_equal(mux.dropped.bad_escape, 1);
    assert_int_equal(mux.dropped.aborted, 1);
    assert_int_equal(mux.dropped.oversize, 1);
    assert_int_equal(mux.dropped.bad_fcs, 0);
    assert_int_equal(FEED("\xc0\x0a"
                          "on\xc0"),
                     SLIPMUX_TEXT);
}

static void the_longest_message_passes(void **state) {
    (void)state;
    static uint8_t message[COAP_PDU_MAX + 1], frame[SLIPMUX_FRAME_MAX];
    memset(message, SLIP_END, sizeof message); /* the worst case on the line */
    size_t framed = slipmux_put_message(frame, sizeof frame, message, COAP_PDU_MAX);
    assert_int_equal(framed, SLIPMUX_FRAME_MAX);
    assert_int_equal(feed_frame(frame, framed), SLIPMUX_MESSAGE);
    assert_int_equal(len, COAP_PDU_MAX);
    assert_memory_equal(content, message, len);
    assert_int_equal(slipmux_put_message(frame, sizeof frame, message, COAP_PDU_MAX + 1), 0);
}

static void nothing_is_written_past_a_short_buffer(void **state) {
    (void)state;
    uint8_t frame[4] = {0, 0, 0, 0x55};
    assert_int_equal(slipmux_put_message(frame, 3, (const uint8_t *)"a", 1), 0);
    assert_int_equal(slipmux_put_message(frame, 2, (const uint8_t *)"", 0), 0);
    assert_int_equal(slipmux_put_text(frame, 3, "abc", 3), 0);
    assert_int_equal(slipmux_put_text(frame, 3, "ab", 2), 3);
    assert_int_equal(frame[3], 0x55);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_is_that_of_rfc_1662),
        cmocka_unit_test_setup(a_message_is_framed_as_the_draft_says, fresh),
        cmocka_unit_test(a_published_message_has_these_bytes_on_the_line),
        cmocka_unit_test(a_residue_of_a_good_frame_is_constant),
        cmocka_unit_test_setup(text_has_no_checksum, fresh),
        cmocka_unit_test_setup(every_flipped_bit_is_seen, fresh),
        cmocka_unit_test_setup(short_frames_are_no_messages, fresh),
        cmocka_unit_test_setup(each_cause_has_its_counter, fresh),
        cmocka_unit_test_setup(the_longest_message_passes, fresh),
        cmocka_unit_test_setup(nothing_is_written_past_a_short_buffer, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
