/* Whole exchanges, from bytes on the serial line (or datagrams) to bytes: requests, duplicates and
 * noise. */
#include "coap_site.h"

#include "clock_edges.h"
#include "core/loop.h"
#include "net/coap_lifetime.h"
#include "net/coap_observe.h"
#include "net/link.h"
#include "net/slipmux.h"

/* ---- requests --------------------------------------------------------------------------- */

static void a_get_is_answered_on_its_ack(void **state) {
    (void)state;
    struct answer answer = GET(.path = "node", .mid = 0x4711, .token = "tok");
    assert_code(&answer, COAP_205_CONTENT);
    assert_int_equal(answer.pdu.type, COAP_ACK);
    assert_int_equal(answer.pdu.mid, 0x4711);
    assert_int_equal(answer.pdu.token_len, 3);
    assert_memory_equal(answer.pdu.token, "tok", 3);
    assert_int_equal(option_of(&answer, COAP_OPT_CONTENT_FORMAT), 0);
    assert_int_equal(option_of(&answer, COAP_OPT_BLOCK2), -1);
    assert_payload(&answer, "version 0");
    assert_silence(SERIAL);
}

static void a_non_is_answered_with_a_non(void **state) {
    (void)state;
    struct answer answer = GET(.path = "node", .type = COAP_NON, .token = "t", .peer = 3);
    assert_code(&answer, COAP_205_CONTENT);
    assert_int_equal(answer.pdu.type, COAP_NON);
    assert_int_equal(answer.pdu.token_len, 1);
}

static void a_ping_gets_a_reset(void **state) {
    (void)state;
    client_reply_empty(SERIAL, COAP_CON, 0x0102);
    struct answer answer = client_next(SERIAL);
    assert_true(answer.present);
    assert_int_equal(answer.len, 4);
    assert_int_equal(answer.pdu.type, COAP_RST);
    assert_int_equal(answer.pdu.mid, 0x0102);
}

static void paths_and_queries_reach_the_handler(void **state) {
    (void)state;
    struct answer answer = GET(.path = "out/0/features", .query = "since=12&x=y");
    assert_code(&answer, COAP_205_CONTENT);
    assert_string_equal(site.seen, "out/0/features?since=12&x=y");
    answer = POST(.path = "modules/1/control");
    assert_code(&answer, COAP_204_CHANGED);
    assert_string_equal(site.seen, "1 modules/1/control");
}

static void errors_say_why(void **state) {
    (void)state;
    struct answer answer = GET(.path = "nowhere");
    assert_code(&answer, COAP_404_NOT_FOUND);
    assert_payload(&answer, "there is no /nowhere");
    assert_int_equal(option_of(&answer, COAP_OPT_CONTENT_FORMAT), -1);
    answer = PUT(.path = "node", .payload = "x", .len = 1);
    assert_code(&answer, COAP_405_METHOD_NOT_ALLOWED);
    answer = client_ask(&(struct ask){.method = 5, .path = "node"}); /* FETCH */
    assert_code(&answer, COAP_405_METHOD_NOT_ALLOWED);
    answer = GET(.path = "node", .accept = 60 + 1);
    assert_code(&answer, COAP_406_NOT_ACCEPTABLE);
    answer = GET(.path = "node", .accept = 0 + 1);
    assert_code(&answer, COAP_205_CONTENT);
    answer = GET(.path = "mute");
    assert_code(&answer, COAP_500_INTERNAL);
    answer = GET(.path = "out/0/missing");
    assert_code(&answer, COAP_404_NOT_FOUND);
    assert_payload(&answer, "slot 0 has no stream missing");
}

static size_t with_critical_option(uint8_t type, uint8_t *out) {
    struct coap_builder builder;
    coap_build(&builder, out, 64, (enum coap_type)type, COAP_GET, 77, NULL, 0);
    coap_build_option(&builder, COAP_OPT_URI_PATH, "node", 4);
    coap_build_option(&builder, 2049, NULL, 0);
    return builder.len;
}

static void an_unknown_critical_option_is_named(void **state) {
    (void)state;
    uint8_t message[64];
    client_send(SERIAL, message, with_critical_option(COAP_CON, message));
    struct answer answer = client_next(SERIAL);
    assert_code(&answer, COAP_402_BAD_OPTION);
    assert_true(payload_holds(&answer, "2049"));
    client_send(SERIAL, message, with_critical_option(COAP_NON, message));
    answer = client_next(SERIAL);
    assert_int_equal(answer.pdu.type, COAP_RST);
    assert_int_equal(site.runs, 0);
}

static void well_known_core_lists_what_exists(void **state) {
    (void)state;
    struct answer answer = GET(.path = ".well-known/core");
    assert_code(&answer, COAP_205_CONTENT);
    assert_int_equal(option_of(&answer, COAP_OPT_CONTENT_FORMAT), COAP_FORMAT_LINK);
    assert_payload(
        &answer, "</node>;rt=\"wasmote.node\";ct=60,</big>;obs,</config>,"
                 "</out/0/features>;rt=\"wasmote.stream\";obs,</out/1/alarm>;rt=\"wasmote.stream\";obs,"
                 "</mute>");
    answer = GET(.path = ".well-known/core", .query = "rt=wasmote.node");
    assert_payload(&answer, "</node>;rt=\"wasmote.node\";ct=60");
    answer = client_ask(&(struct ask){.method = COAP_PUT, .path = ".well-known/core"});
    assert_code(&answer, COAP_405_METHOD_NOT_ALLOWED);
}

static void well_known_core_comes_in_blocks(void **state) {
    (void)state;
    struct coap_block block = {.num = 0, .szx = 2};
    char links[1024] = "";
    struct answer answer;
    do {
        answer = GET(.path = ".well-known/core", .block2 = &block);
        assert_code(&answer, COAP_205_CONTENT);
        strncat(links, (const char *)answer.pdu.payload, answer.pdu.payload_len);
        block.num++;
    } while (block_of(&answer, COAP_OPT_BLOCK2).more);
    assert_non_null(strstr(links, "</out/1/alarm>;rt=\"wasmote.stream\";obs,</mute>"));
}

/* ---- duplicates ------------------------------------------------------------------------- */

static void a_duplicate_post_is_not_run_again(void **state) {
    (void)state;
    struct answer first = POST(.path = "modules/0/control", .mid = 7, .token = "a");
    struct answer again = POST(.path = "modules/0/control", .mid = 7, .token = "a");
    assert_code(&again, COAP_204_CHANGED);
    assert_int_equal(again.len, first.len);
    assert_memory_equal(again.bytes, first.bytes, first.len);
    assert_int_equal(site.runs, 1);
}

static void a_long_answer_to_a_post_keeps_its_code(void **state) {
    (void)state;
    site.control_code = COAP_422_UNPROCESSABLE;
    struct answer first = POST(.path = "modules/0/control", .mid = 7);
    assert_int_equal(first.pdu.payload_len, 200);
    struct answer again = POST(.path = "modules/0/control", .mid = 7);
    assert_code(&again, COAP_422_UNPROCESSABLE);
    assert_int_equal(again.pdu.payload_len, 0);
    assert_int_equal(site.runs, 1);
}

static void the_same_id_from_elsewhere_is_another_request(void **state) {
    (void)state;
    (void)POST(.path = "modules/0/control", .mid = 7);
    (void)POST(.path = "modules/0/control", .mid = 7, .peer = 1);
    (void)POST(.path = "modules/1/control", .mid = 7); /* a client that was restarted */
    assert_int_equal(site.runs, 3);
}

static void a_large_get_may_be_run_again(void **state) {
    (void)state;
    (void)GET(.path = "big", .mid = 7);
    struct answer again = GET(.path = "big", .mid = 7);
    assert_slice(&again, 0, 1024);
}

static void a_duplicate_non_is_ignored(void **state) {
    (void)state;
    struct answer answer = POST(.path = "modules/0/control", .mid = 7, .type = COAP_NON);
    assert_code(&answer, COAP_204_CHANGED);
    answer = POST(.path = "modules/0/control", .mid = 7, .type = COAP_NON);
    assert_false(answer.present);
    assert_int_equal(site.runs, 1);
}

/* The same bytes once more, when the message ID has become free for another message. */
static void after_its_lifetime_the_same_message_is_executed(size_t edge, enum coap_type type) {
    (void)fresh(NULL);
    start_before_edge(edge, 5000000);
    struct ask stop = {.method = COAP_POST, .type = type, .path = "modules/0/control", .mid = 7};
    struct ask get = {.method = COAP_GET, .type = type, .path = "node", .mid = 8};
    struct ask observe = {.method = COAP_GET,
                          .type = type,
                          .path = "out/0/features",
                          .mid = 9,
                          .token = "o",
                          .observe = 1 + 0};
    for (unsigned round = 1; round <= 2; round++) {
        struct answer answer = client_ask(&stop);
        assert_code(&answer, COAP_204_CHANGED);
        site.version = round;
        answer = client_ask(&get);
        assert_payload(&answer, round == 1 ? "version 1" : "version 2");
        answer = client_ask(&observe);
        assert_true(option_of(&answer, COAP_OPT_OBSERVE) >= 0);
        assert_int_equal(coap_observe_count(), 1);
        client_ask(
            &(struct ask){.method = COAP_GET, .path = "out/0/features", .token = "o", .observe = 1 + 1});
        fake_jump_us((type == COAP_CON ? COAP_EXCHANGE_LIFETIME_S : COAP_NON_LIFETIME_S) *
                     UINT64_C(1000000));
    }
    assert_int_equal(site.runs, 8);
}

static void no_message_is_known_for_ever(void **state) {
    (void)state;
    for (size_t edge = 0; edge < CLOCK_EDGES; edge++) {
        after_its_lifetime_the_same_message_is_executed(edge, COAP_CON);
        after_its_lifetime_the_same_message_is_executed(edge, COAP_NON);
    }
}

/* ---- the line --------------------------------------------------------------------------- */

static uint32_t frames_dropped(void) {
    struct link_counters counters;
    link_get_counters(&counters);
    return counters.frames_dropped;
}

static void after_noise_the_next_request_is_answered(void **state) {
    (void)state;
    static const char *const noise[] = {"\x01garbage", "\xc0\xa9short", "\xdb\xdb\xdb", "\xc0\xdb",
                                        "\xa9\xdb\x07 \xa9"};
    for (size_t i = 0; i < sizeof noise / sizeof noise[0]; i++) {
        uint32_t before = frames_dropped();
        fake_uart_put(noise[i], strlen(noise[i]));
        struct answer answer = GET(.path = "node");
        assert_code(&answer, COAP_205_CONTENT);
        assert_int_equal(frames_dropped(), before + 1);
    }
}

static void a_request_may_come_byte_by_byte(void **state) {
    (void)state;
    uint8_t message[64], line[160];
    size_t len =
        client_build(&(struct ask){.method = COAP_GET, .path = "node"}, message, sizeof message);
    len = client_frame(message, len, line, sizeof line);
    for (size_t i = 0; i < len; i++) {
        assert_silence(SERIAL);
        fake_uart_put(line + i, 1);
        fake_settle();
    }
    struct answer answer = client_next(SERIAL);
    assert_code(&answer, COAP_205_CONTENT);
}

static void an_answer_waits_for_room_and_the_next_request_for_the_answer(void **state) {
    (void)state;
    uint8_t message[64];
    fake_uart_tx_cap(100); /* less than one block */
    for (int i = 0; i < 3; i++) {
        client_send(
            SERIAL, message,
            client_build(&(struct ask){.method = COAP_GET, .path = "big"}, message, sizeof message));
    }
    for (int i = 0; i < 3; i++) {
        struct answer answer = client_next(SERIAL);
        assert_slice(&answer, 0, 1024);
    }
    assert_silence(SERIAL);
}

static void a_line_that_nobody_reads_does_not_stop_udp(void **state) {
    (void)state;
    uint8_t message[64];
    fake_uart_tx_cap(10);
    for (int i = 0; i < 3; i++) {
        client_send(
            SERIAL, message,
            client_build(&(struct ask){.method = COAP_GET, .path = "big"}, message, sizeof message));
    }
    (void)GET(.path = "node", .peer = 1);
    fake_advance_us(10 * 1000000);
    struct answer answer = GET(.path = "node", .peer = 1);
    assert_code(&answer, COAP_205_CONTENT);
}

static void malformed_messages_are_rejected_or_ignored(void **state) {
    (void)state;
    static const uint8_t con[] = {0x49, 0x01, 0x00, 0x05}, non[] = {0x59, 0x01, 0x00, 0x05},
                         version_2[] = {0x80, 0x01, 0x00, 0x05}, response[] = {0x40, 0x45, 0x00, 0x06};
    client_send(1, con, sizeof con);
    struct answer answer = client_next(1);
    assert_int_equal(answer.pdu.type, COAP_RST);
    assert_int_equal(answer.pdu.mid, 5);
    client_send(1, non, sizeof non);
    assert_silence(1);
    client_send(1, version_2, sizeof version_2);
    assert_silence(1);
    client_send(1, response, sizeof response); /* nobody waits for one */
    answer = client_next(1);
    assert_int_equal(answer.pdu.type, COAP_RST);
}

static void two_udp_clients_get_their_own_answers(void **state) {
    (void)state;
    uint8_t message[64];
    fake_udp_put(1, message,
                 client_build(&(struct ask){.method = COAP_GET, .path = "node", .token = "1"}, message,
                              sizeof message));
    fake_udp_put(2, message,
                 client_build(&(struct ask){.method = COAP_GET, .path = "nope", .token = "2"}, message,
                              sizeof message));
    fake_settle();
    struct answer answer = client_next(2);
    assert_code(&answer, COAP_404_NOT_FOUND);
    assert_memory_equal(answer.pdu.token, "2", 1);
    answer = client_next(1);
    assert_code(&answer, COAP_205_CONTENT);
    assert_memory_equal(answer.pdu.token, "1", 1);
}

#define T(test) cmocka_unit_test_setup(test, fresh)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_get_is_answered_on_its_ack),
        T(a_non_is_answered_with_a_non),
        T(a_ping_gets_a_reset),
        T(paths_and_queries_reach_the_handler),
        T(errors_say_why),
        T(an_unknown_critical_option_is_named),
        T(well_known_core_lists_what_exists),
        T(well_known_core_comes_in_blocks),
        T(a_duplicate_post_is_not_run_again),
        T(a_long_answer_to_a_post_keeps_its_code),
        T(the_same_id_from_elsewhere_is_another_request),
        T(a_large_get_may_be_run_again),
        T(a_duplicate_non_is_ignored),
        T(no_message_is_known_for_ever),
        T(after_noise_the_next_request_is_answered),
        T(a_request_may_come_byte_by_byte),
        T(an_answer_waits_for_room_and_the_next_request_for_the_answer),
        T(a_line_that_nobody_reads_does_not_stop_udp),
        T(malformed_messages_are_rejected_or_ignored),
        T(two_udp_clients_get_their_own_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
