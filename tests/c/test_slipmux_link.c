/* The serial link: frames in and out of rings that are too small, and flow control both ways. */
#include "cmocka_all.h"

#include <string.h>

#include "config.h"
#include "core/loop.h"
#include "fake_hal.h"
#include "net/link.h"
#include "net/slipmux.h"

static struct coap_peer peer;
static unsigned received, rooms;
static uint8_t last[COAP_PDU_MAX];
static size_t last_len;
static bool is_ready;

static void receive(const struct coap_peer *from, const uint8_t *message, size_t len) {
    received++;
    peer = *from;
    last_len = len;
    memcpy(last, message, len);
}

static bool ready(void) {
    return is_ready;
}

static void room(void) {
    rooms++;
}

static const struct link_upper upper = {.receive = receive, .ready = ready, .room = room};

static size_t encode(uint8_t *line, size_t cap, const void *message, size_t len) {
    static uint8_t frame[SLIPMUX_FRAME_MAX];
    struct slip_encoder encoder;
    slip_encoder_init(&encoder, frame, slipmux_put_message(frame, sizeof frame, message, len));
    return slip_encode(&encoder, line, cap);
}

static void put_message(const char *text) {
    uint8_t line[256];
    fake_uart_put(line, encode(line, sizeof line, text, strlen(text)));
    fake_settle();
}

static int fresh(void **state) {
    (void)state;
    fake_reset();
    is_ready = true;
    link_listen(&upper);
    slipmux_link_start();
    put_message("hello"); /* tells us the peer */
    received = rooms = 0;
    return 0;
}

static wm_status send(const char *text) {
    return peer.link->send(&peer, (const uint8_t *)text, strlen(text));
}

static void assert_line(const char *text) {
    uint8_t expected[256], line[256];
    size_t len = encode(expected, sizeof expected, text, strlen(text));
    assert_int_equal(fake_uart_take(line, sizeof line), len);
    assert_memory_equal(line, expected, len);
    fake_settle();
}

static void messages_go_both_ways(void **state) {
    (void)state;
    put_message("in");
    assert_int_equal(received, 1);
    assert_int_equal(last_len, 2);
    assert_memory_equal(last, "in", 2);
    assert_int_equal(send("out"), WM_OK);
    assert_line("out");
}

static void there_is_one_serial_peer(void **state) {
    (void)state;
    struct coap_peer before = peer;
    put_message("again");
    assert_true(coap_peer_equal(&before, &peer));
    before.addr[3] = 1;
    assert_false(coap_peer_equal(&before, &peer));
}

static void a_frame_longer_than_the_ring_is_drained_as_room_appears(void **state) {
    (void)state;
    static uint8_t message[COAP_PDU_MAX], expected[2 * SLIPMUX_FRAME_MAX], line[2 * SLIPMUX_FRAME_MAX];
    memset(message, SLIP_END, sizeof message); /* doubles on the line */
    size_t len = encode(expected, sizeof expected, message, sizeof message), taken = 0;
    fake_uart_tx_cap(37);
    assert_int_equal(peer.link->send(&peer, message, sizeof message), WM_OK);
    assert_int_equal(fake_uart_sent(), 37);
    while (taken < len) {
        size_t more = fake_uart_take(line + taken, 19);
        assert_true(more > 0);
        taken += more;
        fake_settle();
    }
    assert_int_equal(taken, len);
    assert_memory_equal(line, expected, len);
    assert_int_equal(fake_uart_sent(), 0);
}

static void without_room_nothing_is_half_written(void **state) {
    (void)state;
    fake_uart_tx_cap(4);
    assert_int_equal(send("first"), WM_OK);
    assert_int_equal(send("second"), WM_EAGAIN);
    assert_false(peer.link->has_room());
    assert_int_equal(rooms, 0);
    fake_uart_tx_cap(100);
    fake_settle();
    assert_int_equal(rooms, 1); /* told once */
    assert_true(peer.link->has_room());
    assert_line("first");
    assert_int_equal(rooms, 1);
    assert_int_equal(send("second"), WM_OK);
    assert_line("second");
}

static void a_message_that_is_too_long_is_refused(void **state) {
    (void)state;
    static uint8_t message[COAP_PDU_MAX + 1];
    assert_int_equal(peer.link->send(&peer, message, sizeof message), WM_EINVAL);
    assert_int_equal(fake_uart_sent(), 0);
    assert_true(peer.link->has_room());
}

static void while_the_node_cannot_answer_bytes_stay_in_the_ring(void **state) {
    (void)state;
    is_ready = false;
    put_message("one");
    put_message("two");
    assert_int_equal(received, 0);
    is_ready = true;
    link_resume();
    fake_settle();
    assert_int_equal(received, 2);
    assert_memory_equal(last, "two", 3);
}

static void receive_and_stop(const struct coap_peer *from, const uint8_t *message, size_t len) {
    receive(from, message, len);
    is_ready = false;
}

static void frames_behind_one_that_stops_reception_are_kept(void **state) {
    (void)state;
    static const struct link_upper stopping = {
        .receive = receive_and_stop, .ready = ready, .room = room};
    uint8_t line[256];
    size_t len = 0;
    link_listen(&stopping);
    for (const char *text = "abc"; *text != '\0'; text++) { /* three frames in one slice */
        len += encode(line + len, sizeof line - len, text, 1);
    }
    fake_uart_put(line, len);
    for (unsigned i = 1; i <= 3; i++) {
        fake_settle();
        assert_int_equal(received, i);
        assert_int_equal(last[0], 'a' + i - 1);
        is_ready = true;
        link_resume();
    }
}

static void diagnostics_never_wait(void **state) {
    (void)state;
    uint8_t line[64];
    slipmux_link_diagnostic("log", 3);
    assert_int_equal(fake_uart_take(line, sizeof line), 6);
    assert_memory_equal(line,
                        "\xc0\x0a"
                        "log\xc0",
                        6);
    fake_uart_tx_cap(5);
    slipmux_link_diagnostic("log", 3);
    assert_int_equal(fake_uart_sent(), 0);
    assert_true(peer.link->has_room());
    assert_int_equal(send("message"), WM_OK);
    fake_uart_tx_cap(7);
    slipmux_link_diagnostic("log", 3); /* not into the middle of a frame */
    fake_uart_tx_cap(100);
    fake_settle();
    assert_line("message");
}

static void diagnostics_of_the_other_side_are_no_fault(void **state) {
    (void)state;
    struct link_counters before, after;
    link_get_counters(&before);
    fake_uart_put("\xc0\x0a"
                  "hi\xc0",
                  5);
    fake_settle();
    link_get_counters(&after);
    assert_int_equal(received, 0);
    assert_int_equal(after.frames_dropped, before.frames_dropped);
}

static void faults_are_counted(void **state) {
    (void)state;
    static uint8_t flood[FAKE_RING_BYTES + 5];
    struct link_counters before, after;
    link_get_counters(&before);
    fake_uart_put("\xc0noise\xc0", 7);
    fake_settle();
    fake_uart_put(flood, sizeof flood);
    link_get_counters(&after);
    assert_int_equal(after.frames_dropped, before.frames_dropped + 1);
    assert_int_equal(after.overruns, 5);
    fake_settle();
}

static void a_flood_does_not_keep_timers_waiting(void **state) {
    (void)state;
    static uint8_t flood[FAKE_RING_BYTES];
    fake_uart_put(flood, sizeof flood);
    loop_run_once();
    uint8_t rest[1];
    assert_int_equal(hal_uart_read(rest, 1), 1); /* one turn takes a slice, not all */
    fake_settle();
    assert_int_equal(hal_uart_read(rest, 1), 0);
}

#define T(test) cmocka_unit_test_setup(test, fresh)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(messages_go_both_ways),
        T(there_is_one_serial_peer),
        T(a_frame_longer_than_the_ring_is_drained_as_room_appears),
        T(without_room_nothing_is_half_written),
        T(a_message_that_is_too_long_is_refused),
        T(while_the_node_cannot_answer_bytes_stay_in_the_ring),
        T(frames_behind_one_that_stops_reception_are_kept),
        T(diagnostics_never_wait),
        T(diagnostics_of_the_other_side_are_no_fault),
        T(faults_are_counted),
        T(a_flood_does_not_keep_timers_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
