/* SLIP: frames in pieces, every way to damage one, and the way back. */
#include "cmocka_all.h"

#include <string.h>

#include "net/slip.h"

#define CAP 8

static uint8_t buffer[CAP];
static struct slip_decoder decoder;

static int fresh(void **state) {
    (void)state;
    slip_decoder_init(&decoder, buffer, CAP);
    return 0;
}

/* Feeds all bytes; returns the last result that was not SLIP_MORE. */
static enum slip_result feed(const char *bytes, size_t len) {
    enum slip_result last = SLIP_MORE;
    for (size_t i = 0; i < len; i++) {
        enum slip_result result = slip_decode(&decoder, (uint8_t)bytes[i]);
        last = result != SLIP_MORE ? result : last;
    }
    return last;
}

#define FEED(bytes) feed(bytes, sizeof(bytes) - 1)

static void assert_frame(const char *bytes, size_t len) {
    assert_int_equal(decoder.len, len);
    assert_memory_equal(decoder.bytes, bytes, len);
}

#define GOOD                                                                                            \
    "\xc0"                                                                                              \
    "ok"                                                                                                \
    "\xc0"
#define ASSERT_RECOVERS()                                                                               \
    do {                                                                                                \
        assert_int_equal(FEED(GOOD), SLIP_FRAME);                                                       \
        assert_frame("ok", 2);                                                                          \
    } while (0)

static void a_frame_is_read_with_its_escapes(void **state) {
    (void)state;
    assert_int_equal(FEED("\xc0"
                          "a\xdb\xdc\xdb\xdd"
                          "b\xc0"),
                     SLIP_FRAME);
    assert_frame("a\xc0\xdb"
                 "b",
                 4);
}

static void empty_frames_are_nothing(void **state) {
    (void)state;
    assert_int_equal(FEED("\xc0\xc0\xc0\xc0"), SLIP_MORE);
    ASSERT_RECOVERS();
}

static void frames_may_share_an_end(void **state) {
    (void)state;
    assert_int_equal(FEED("\xc0"
                          "one\xc0"),
                     SLIP_FRAME);
    assert_frame("one", 3);
    assert_int_equal(FEED("two\xc0"), SLIP_FRAME);
    assert_frame("two", 3);
}

static void a_bad_escape_skips_to_the_next_end(void **state) {
    (void)state;
    assert_int_equal(FEED("\xc0"
                          "ab\xdb"
                          "c"),
                     SLIP_BAD_ESCAPE);
    assert_int_equal(FEED("\xa9"
                          "de\xdb\xdc"
                          "f\xc0"),
                     SLIP_MORE); /* the A9 starts no false frame */
    ASSERT_RECOVERS();
    assert_int_equal(FEED("\xdb\xdb"), SLIP_BAD_ESCAPE); /* ESC ESC is bad too, and not a new escape */
    assert_int_equal(FEED("\xdc"
                          "x\xc0"),
                     SLIP_MORE);
    ASSERT_RECOVERS();
}

static void escape_end_aborts(void **state) {
    (void)state;
    assert_int_equal(FEED("\xc0"
                          "lost\xdb\xc0"),
                     SLIP_ABORTED);
    assert_int_equal(FEED("ok\xc0"), SLIP_FRAME); /* that END began the next frame */
    assert_frame("ok", 2);
}

static void an_endless_escape_stays_bounded(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)FEED("\xdb");
    }
    assert_in_range(decoder.len, 0, CAP);
    (void)FEED("\xc0");
    ASSERT_RECOVERS();
}

static void the_longest_frame_fits(void **state) {
    (void)state;
    assert_int_equal(FEED("\xc0"
                          "12345678\xc0"),
                     SLIP_FRAME);
    assert_frame("12345678", 8);
}

static void an_oversize_frame_is_reported_once(void **state) {
    (void)state;
    assert_int_equal(FEED("\xc0"
                          "123456789"),
                     SLIP_OVERSIZE);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(FEED("0123456789"), SLIP_MORE);
    }
    assert_int_equal(FEED("\xc0"), SLIP_MORE);
    ASSERT_RECOVERS();
}

static void an_escape_counts_as_one_byte(void **state) {
    (void)state;
    assert_int_equal(FEED("\xc0"
                          "1234567\xdb\xdc\xc0"),
                     SLIP_FRAME);
    assert_frame("1234567\xc0", 8);
    assert_int_equal(FEED("12345678\xdb\xdd"), SLIP_OVERSIZE);
}

static void the_encoder_goes_on_where_the_room_ended(void **state) {
    (void)state;
    static const uint8_t frame[] = {'a', SLIP_END, SLIP_ESC, 'b', SLIP_END};
    static const char line[] = "\xc0"
                               "a\xdb\xdc\xdb\xdd"
                               "b\xdb\xdc\xc0";
    assert_int_equal(slip_encoded_len(frame, sizeof frame), sizeof line - 1);
    for (size_t room = 1; room < sizeof line; room++) {
        struct slip_encoder encoder;
        uint8_t out[sizeof line];
        size_t len = 0;
        slip_encoder_init(&encoder, frame, sizeof frame);
        while (!slip_encoder_done(&encoder)) {
            size_t left = sizeof out - len;
            len += slip_encode(&encoder, out + len, room < left ? room : left);
        }
        assert_int_equal(len, sizeof line - 1);
        assert_memory_equal(out, line, len);
        assert_int_equal(slip_encode(&encoder, out, sizeof out), 0);
    }
}

static void every_byte_survives(void **state) {
    (void)state;
    for (int value = 0; value < 256; value++) {
        uint8_t byte = (uint8_t)value, line[4];
        struct slip_encoder encoder;
        slip_encoder_init(&encoder, &byte, 1);
        size_t len = slip_encode(&encoder, line, sizeof line);
        assert_true(slip_encoder_done(&encoder));
        assert_int_equal(feed((const char *)line, len), SLIP_FRAME);
        assert_frame((const char *)&byte, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_frame_is_read_with_its_escapes, fresh),
        cmocka_unit_test_setup(empty_frames_are_nothing, fresh),
        cmocka_unit_test_setup(frames_may_share_an_end, fresh),
        cmocka_unit_test_setup(a_bad_escape_skips_to_the_next_end, fresh),
        cmocka_unit_test_setup(escape_end_aborts, fresh),
        cmocka_unit_test_setup(an_endless_escape_stays_bounded, fresh),
        cmocka_unit_test_setup(the_longest_frame_fits, fresh),
        cmocka_unit_test_setup(an_oversize_frame_is_reported_once, fresh),
        cmocka_unit_test_setup(an_escape_counts_as_one_byte, fresh),
        cmocka_unit_test_setup(the_encoder_goes_on_where_the_room_ended, fresh),
        cmocka_unit_test_setup(every_byte_survives, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
