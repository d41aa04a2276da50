/* CoAP over UDP: a datagram is a message. */
#include "cmocka_all.h"

#include <string.h>

#include "config.h"
#include "core/loop.h"
#include "fake_hal.h"
#include "net/link.h"

static struct coap_peer peers[8];
static unsigned received;
static bool is_ready;

static void receive(const struct coap_peer *from, const uint8_t *message, size_t len) {
    assert_true(len > 0 && message[0] == '0' + from->addr[0]);
    peers[received++] = *from;
}

static bool ready(void) {
    return is_ready;
}

static void room(void) {
}

static const struct link_upper upper = {.receive = receive, .ready = ready, .room = room};

static int fresh(void **state) {
    (void)state;
    fake_reset();
    received = 0;
    is_ready = true;
    link_listen(&upper);
    udp_link_start();
    return 0;
}

static void every_sender_is_a_peer_of_its_own(void **state) {
    (void)state;
    fake_udp_put(1, "1", 1);
    fake_udp_put(2, "2", 1);
    fake_udp_put(1, "1", 1);
    fake_settle();
    assert_int_equal(received, 3);
    assert_false(coap_peer_equal(&peers[0], &peers[1]));
    assert_true(coap_peer_equal(&peers[0], &peers[2]));
}

static void an_answer_goes_to_its_peer(void **state) {
    (void)state;
    uint8_t out[16];
    fake_udp_put(2, "2", 1);
    fake_settle();
    assert_true(peers[0].link->has_room());
    assert_int_equal(peers[0].link->send(&peers[0], (const uint8_t *)"answer", 6), WM_OK);
    assert_int_equal(fake_udp_take(1, out, sizeof out), 0);
    assert_int_equal(fake_udp_take(2, out, sizeof out), 6);
    assert_memory_equal(out, "answer", 6);
    fake_udp_status = WM_EIO;
    assert_int_equal(peers[0].link->send(&peers[0], (const uint8_t *)"answer", 6), WM_EIO);
}

static void one_datagram_a_turn(void **state) {
    (void)state;
    fake_settle();
    for (int i = 0; i < 5; i++) {
        fake_udp_put(1, "1", 1);
    }
    for (unsigned i = 1; i <= 5; i++) {
        loop_run_once();
        assert_int_equal(received, i);
    }
}

static void an_oversize_datagram_is_counted_and_the_next_one_read(void **state) {
    (void)state;
    static uint8_t big[COAP_PDU_MAX + 1];
    struct link_counters before, after;
    link_get_counters(&before);
    fake_udp_put(1, big, sizeof big);
    fake_udp_put(1, "1", 1);
    fake_settle();
    link_get_counters(&after);
    assert_int_equal(after.datagrams_dropped, before.datagrams_dropped + 1);
    assert_int_equal(received, 1);
}

static void datagrams_wait_until_the_node_can_answer(void **state) {
    (void)state;
    is_ready = false;
    fake_udp_put(1, "1", 1);
    fake_settle();
    assert_int_equal(received, 0);
    is_ready = true;
    link_resume();
    fake_settle();
    assert_int_equal(received, 1);
}

#define T(test) cmocka_unit_test_setup(test, fresh)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(every_sender_is_a_peer_of_its_own),
        T(an_answer_goes_to_its_peer),
        T(one_datagram_a_turn),
        T(an_oversize_datagram_is_counted_and_the_next_one_read),
        T(datagrams_wait_until_the_node_can_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
