/* Whole observations (RFC 7641), from bytes to bytes. The table by itself is in test_coap_observe.c. */
#include "coap_site.h"

#include "net/coap_observe.h"

/* ---- Observe ---------------------------------------------------------------------------- */

static struct answer changed(uint8_t peer, const char *path) {
    fake_advance_us(COAP_OBSERVE_INTERVAL_MS * UINT64_C(1000));
    site.version++;
    coap_server_changed(path);
    fake_settle();
    return client_next(peer);
}

static void an_observer_hears_of_changes(void **state) {
    (void)state;
    struct answer answer = OBSERVE(.path = "out/0/features", .token = "obs");
    int64_t before = option_of(&answer, COAP_OPT_OBSERVE);
    assert_true(before >= 0);
    for (int i = 0; i < 3; i++) {
        answer = changed(SERIAL, "out/0/features");
        assert_code(&answer, COAP_205_CONTENT);
        assert_int_equal(answer.pdu.type, COAP_NON);
        assert_memory_equal(answer.pdu.token, "obs", 3);
        assert_true(option_of(&answer, COAP_OPT_OBSERVE) > before);
        before = option_of(&answer, COAP_OPT_OBSERVE);
    }
    assert_payload(&answer, "version 3");
    answer = changed(SERIAL, "out/0/other");
    assert_false(answer.present);
}

static void observers_on_both_links_hear_of_it(void **state) {
    (void)state;
    client_prove(1);
    client_prove(2);
    (void)OBSERVE(.path = "out/0/features", .token = "s");
    (void)OBSERVE(.path = "out/0/features", .token = "u", .peer = 1);
    (void)OBSERVE(.path = "out/0/features", .token = "u", .peer = 2);
    struct answer answer = changed(SERIAL, "out/0/features");
    assert_payload(&answer, "version 1");
    answer = client_next(1);
    assert_payload(&answer, "version 1");
    answer = client_next(2);
    assert_payload(&answer, "version 1");
}

static void a_reset_ends_an_observation(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "obs");
    struct answer answer = changed(SERIAL, "out/0/features");
    client_reply_empty(SERIAL, COAP_RST, answer.pdu.mid);
    answer = changed(SERIAL, "out/0/features");
    assert_false(answer.present);
    assert_int_equal(coap_observe_count(), 0);
}

static void observe_1_ends_an_observation_and_a_plain_get_does_not(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "obs");
    (void)GET(.path = "out/0/features", .token = "get");
    (void)GET(.path = "out/0/features", .token = "obs"); /* not even with the same token */
    assert_int_equal(coap_observe_count(), 1);
    struct answer answer = GET(.path = "out/0/features", .token = "obs", .observe = 1 + 1);
    assert_code(&answer, COAP_205_CONTENT);
    assert_int_equal(option_of(&answer, COAP_OPT_OBSERVE), -1);
    assert_int_equal(coap_observe_count(), 0);
}

static void only_observable_paths_without_a_query_are_observed(void **state) {
    (void)state;
    struct answer answer = OBSERVE(.path = "node", .token = "a");
    assert_code(&answer, COAP_205_CONTENT);
    assert_int_equal(option_of(&answer, COAP_OPT_OBSERVE), -1);
    answer = OBSERVE(.path = "out/0/features", .query = "since=1", .token = "b");
    assert_int_equal(option_of(&answer, COAP_OPT_OBSERVE), -1);
    answer = OBSERVE(.path = "out/0/missing", .token = "c");
    assert_code(&answer, COAP_404_NOT_FOUND);
    assert_int_equal(coap_observe_count(), 0);
}

static void a_ninth_observer_is_answered_plainly(void **state) {
    (void)state;
    struct answer answer = {0};
    for (uint8_t i = 0; i <= COAP_OBSERVERS_MAX; i++) {
        client_prove((uint8_t)(i + 1));
        answer = OBSERVE(.path = "out/0/features", .token = "obs", .peer = (uint8_t)(i + 1));
        assert_code(&answer, COAP_205_CONTENT);
        assert_int_equal(option_of(&answer, COAP_OPT_OBSERVE) >= 0, i < COAP_OBSERVERS_MAX);
    }
    /* The others are asked whether they are still there. */
    answer = client_next(1);
    assert_int_equal(answer.pdu.type, COAP_CON);
    assert_payload(&answer, "version 0");
    client_reply_empty(1, COAP_RST, answer.pdu.mid);
    answer = OBSERVE(.path = "out/0/features", .token = "obs", .peer = COAP_OBSERVERS_MAX + 1);
    assert_true(option_of(&answer, COAP_OPT_OBSERVE) >= 0);
}

static void every_32nd_notification_is_confirmable_and_must_be_answered(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "obs");
    struct answer answer = {0};
    for (int i = 1; i <= 2 * COAP_OBSERVE_CON_EVERY; i++) {
        answer = changed(SERIAL, "out/0/features");
        assert_code(&answer, COAP_205_CONTENT);
        assert_int_equal(answer.pdu.type, i % COAP_OBSERVE_CON_EVERY == 0 ? COAP_CON : COAP_NON);
        if (i == COAP_OBSERVE_CON_EVERY) {
            client_reply_empty(SERIAL, COAP_ACK, answer.pdu.mid);
        }
    }
    uint16_t mid = answer.pdu.mid;
    for (int i = 0; i < 4; i++) { /* at most 3 s, doubled each time (RFC 7252 section 4.2) */
        fake_advance_us(UINT64_C(3000000) << i);
        answer = client_next(SERIAL);
        assert_code(&answer, COAP_205_CONTENT);
        assert_int_equal(answer.pdu.type, COAP_CON);
        assert_int_equal(answer.pdu.mid, mid);
        assert_silence(SERIAL);
    }
    assert_int_equal(coap_observe_count(), 1);
    fake_advance_us(UINT64_C(3000000) << 4);
    assert_silence(SERIAL);
    assert_int_equal(coap_observe_count(), 0);
}

static struct answer until_confirmable(void) {
    struct answer answer;
    do {
        answer = changed(SERIAL, "out/0/features");
        assert_true(answer.present);
    } while (answer.pdu.type != COAP_CON);
    return answer;
}

static void a_change_while_a_con_waits_is_sent_with_the_retransmission(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "obs");
    struct answer answer = until_confirmable();
    uint16_t mid = answer.pdu.mid;
    answer = changed(SERIAL, "out/0/features");
    assert_false(answer.present); /* held back */
    fake_advance_us(3000000);
    answer = client_next(SERIAL);
    assert_int_equal(answer.pdu.type, COAP_CON);
    assert_int_not_equal(answer.pdu.mid, mid);
    assert_payload(&answer, "version 33");
    for (int i = 1; i < 4; i++) { /* three more, not four: the count went on */
        fake_advance_us(UINT64_C(3000000) << i);
        assert_true(client_next(SERIAL).present);
    }
    fake_advance_us(UINT64_C(3000000) << 4);
    assert_int_equal(coap_observe_count(), 0);
}

static void a_change_while_a_con_waits_is_sent_after_the_ack(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "obs");
    struct answer answer = until_confirmable();
    uint16_t mid = answer.pdu.mid;
    answer = changed(SERIAL, "out/0/features");
    assert_false(answer.present);
    client_reply_empty(SERIAL, COAP_ACK, mid);
    answer = client_next(SERIAL);
    assert_payload(&answer, "version 33");
    assert_int_equal(answer.pdu.type, COAP_NON);
}

static void a_deleted_resource_sends_its_last_word(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "obs");
    coap_server_gone("out/0/features");
    fake_settle();
    struct answer answer = client_next(SERIAL);
    assert_code(&answer, COAP_404_NOT_FOUND);
    assert_int_equal(answer.pdu.type, COAP_CON);
    assert_int_equal(option_of(&answer, COAP_OPT_OBSERVE), -1);
    client_reply_empty(SERIAL, COAP_ACK, answer.pdu.mid);
    assert_int_equal(coap_observe_count(), 0);
}

static void a_large_notification_begins_a_block_transfer(void **state) {
    (void)state;
    (void)OBSERVE(.path = "big", .token = "obs", .block2 = &((struct coap_block){.szx = 4}));
    struct answer answer = changed(SERIAL, "big");
    assert_slice(&answer, 0, 256);
    assert_true(option_of(&answer, COAP_OPT_OBSERVE) > 0);
    assert_int_equal(option_of(&answer, COAP_OPT_SIZE2), site.big_len);
    int64_t etag = option_of(&answer, COAP_OPT_ETAG);
    assert_true(etag > 0);
    unsigned made = site.runs;
    answer = GET(.path = "big", .token = "more", .block2 = &((struct coap_block){.num = 1, .szx = 4}));
    assert_slice(&answer, 256, 256);
    assert_int_equal(option_of(&answer, COAP_OPT_OBSERVE), -1);
    assert_int_equal(site.runs, made);
    assert_int_equal(option_of(&answer, COAP_OPT_ETAG), etag);
}

/* Changes come faster than the line can carry them: the newest is sent when there is room. */
static void a_slow_line_skips_states(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "obs");
    fake_uart_tx_cap(8);
    for (int i = 0; i < 10; i++) {
        site.version++;
        coap_server_changed("out/0/features");
        fake_settle();
    }
    struct answer answer = client_next(SERIAL); /* was being sent */
    assert_payload(&answer, "version 1");
    fake_advance_us(COAP_OBSERVE_INTERVAL_MS * UINT64_C(1000));
    answer = client_next(SERIAL);
    assert_payload(&answer, "version 10");
    assert_silence(SERIAL);
}

static void replies_of_a_wrong_form_are_ignored(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "t", .peer = 1);
    struct answer answer = changed(1, "out/0/features");
    uint8_t mid[2] = {(uint8_t)(answer.pdu.mid >> 8), (uint8_t)answer.pdu.mid};
    const uint8_t full_reset[] = {0x70, 0x45, mid[0], mid[1]},
                  token_reset[] = {0x71, 0, mid[0], mid[1], 1};
    client_send(1, full_reset, sizeof full_reset);
    client_send(1, token_reset, sizeof token_reset);
    assert_int_equal(coap_observe_count(), 1);
    coap_server_gone("out/0/features");
    fake_settle();
    answer = client_next(1);
    const uint8_t request_ack[] = {0x60, 0x01, (uint8_t)(answer.pdu.mid >> 8), (uint8_t)answer.pdu.mid};
    client_send(1, request_ack, sizeof request_ack);
    assert_int_equal(coap_observe_count(), 1); /* still to be acknowledged */
    client_reply_empty(1, COAP_ACK, answer.pdu.mid);
    assert_int_equal(coap_observe_count(), 0);
    assert_silence(1);
}

#define T(test) cmocka_unit_test_setup(test, fresh)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(an_observer_hears_of_changes),
        T(observers_on_both_links_hear_of_it),
        T(a_reset_ends_an_observation),
        T(observe_1_ends_an_observation_and_a_plain_get_does_not),
        T(only_observable_paths_without_a_query_are_observed),
        T(a_ninth_observer_is_answered_plainly),
        T(every_32nd_notification_is_confirmable_and_must_be_answered),
        T(a_change_while_a_con_waits_is_sent_with_the_retransmission),
        T(a_change_while_a_con_waits_is_sent_after_the_ack),
        T(a_deleted_resource_sends_its_last_word),
        T(a_large_notification_begins_a_block_transfer),
        T(a_slow_line_skips_states),
        T(replies_of_a_wrong_form_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
