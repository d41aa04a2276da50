/* Answers that come later than the request's ACK (RFC 7252 section 5.2.2), over both links. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "coap_client.h"
#include "net/coap_lifetime.h"
#include "net/coap_observe.h"

static struct coap_deferral *waiting;
static unsigned runs;
static bool answer_at_once;
static size_t answer_len;
static uint8_t stored[2048];
static size_t stored_len;
static char abandoned[64];

static void finish(uint8_t code) {
    struct coap_response response;
    coap_deferred_begin(waiting, &response);
    response.code = code;
    response.format = COAP_FORMAT_TEXT;
    response.len = answer_len;
    memset(response.body, 'a', answer_len);
    coap_complete(waiting, &response);
    waiting = NULL;
}

static void later(const struct coap_request *request, struct coap_response *response) {
    struct coap_deferral *deferral = coap_defer(request, response);
    runs++;
    if (deferral != NULL) {
        waiting = deferral;
    }
    if (deferral != NULL && answer_at_once) {
        finish(COAP_205_CONTENT);
    }
}

static void upload(const struct coap_request *request, struct coap_response *response) {
    memcpy(stored + request->offset, request->payload, request->len);
    stored_len = request->offset + request->len;
    response->code = COAP_204_CHANGED;
    if (waiting != NULL) {
        coap_defer_instead(waiting, request);
    } else if (!request->more) {
        later(request, response);
    }
}

static void abandon(const char *path) {
    snprintf(abandoned, sizeof abandoned, "%s", path);
}

static void quick(const struct coap_request *request, struct coap_response *response) {
    (void)request;
    response->code = COAP_205_CONTENT;
}

#define M(method) (1 << (method))

static const struct coap_resource table[] = {
    {.path = "separate",
     .attributes = "",
     .methods = M(COAP_GET) | M(COAP_POST) | M(COAP_DELETE),
     .flags = COAP_OBSERVABLE,
     .handle = later},
    {.path = "upload",
     .attributes = "",
     .methods = M(COAP_PUT),
     .flags = COAP_STREAMED,
     .handle = upload,
     .abandon = abandon},
    {.path = "quick",
     .attributes = "",
     .methods = M(COAP_GET),
     .flags = COAP_OBSERVABLE,
     .handle = quick},
};

static int fresh(void **state) {
    (void)state;
    runs = 0;
    waiting = NULL;
    answer_at_once = false;
    answer_len = 3;
    abandoned[0] = '\0';
    client_start(table, sizeof table / sizeof table[0]);
    return 0;
}

#define ASK(...) client_ask(&(struct ask){.method = COAP_GET, .path = "separate", __VA_ARGS__})
#define ASK_QUICK(...) client_ask(&(struct ask){.method = COAP_GET, .path = "quick", __VA_ARGS__})

static void assert_empty_ack(const struct answer *answer, uint16_t mid) {
    assert_true(answer->present);
    assert_int_equal(answer->len, COAP_HEADER_BYTES);
    assert_int_equal(answer->pdu.type, COAP_ACK);
    assert_int_equal(answer->pdu.code, COAP_CODE_EMPTY);
    assert_int_equal(answer->pdu.mid, mid);
}

static struct answer finished(uint8_t peer, uint8_t code) {
    finish(code);
    fake_settle();
    return client_next(peer);
}

static void assert_silence(uint8_t peer) {
    struct answer answer = client_next(peer);
    assert_false(answer.present);
}

/* ---- one request ------------------------------------------------------------------------ */

static void a_late_answer_is_a_message_of_its_own(void **state) {
    (void)state;
    struct answer answer = ASK(.mid = 0x4711, .token = "tok");
    assert_empty_ack(&answer, 0x4711);
    fake_advance_us(30 * 1000000);
    assert_silence(SERIAL);
    answer = finished(SERIAL, COAP_205_CONTENT);
    assert_int_equal(answer.pdu.type, COAP_CON);
    assert_int_equal(answer.pdu.code, COAP_205_CONTENT);
    assert_int_not_equal(answer.pdu.mid, 0x4711);
    assert_int_equal(answer.pdu.token_len, 3);
    assert_memory_equal(answer.pdu.token, "tok", 3);
    assert_memory_equal(answer.pdu.payload, "aaa", 3);
    client_reply_empty(SERIAL, COAP_ACK, answer.pdu.mid);
    fake_advance_us(100 * 1000000);
    assert_silence(SERIAL);
}

static void a_non_gets_a_late_non_and_no_ack(void **state) {
    (void)state;
    struct answer answer = ASK(.type = COAP_NON, .token = "t", .peer = 2);
    assert_false(answer.present);
    answer = finished(2, COAP_205_CONTENT);
    assert_int_equal(answer.pdu.type, COAP_NON);
    assert_int_equal(answer.pdu.token_len, 1);
    fake_advance_us(100 * 1000000);
    assert_silence(2);
    answer = ASK(.type = COAP_NON); /* the place is free again */
    assert_non_null(waiting);
}

static void it_is_repeated_until_it_is_acknowledged(void **state) {
    (void)state;
    (void)ASK(.token = "t");
    struct answer first = finished(SERIAL, COAP_205_CONTENT);
    for (int i = 0; i < 4; i++) {
        fake_advance_us(UINT64_C(3000000) << i);
        struct answer again = client_next(SERIAL);
        assert_true(again.present);
        assert_int_equal(again.len, first.len);
        assert_memory_equal(again.bytes, first.bytes, first.len);
    }
    fake_advance_us(UINT64_C(3000000) << 4);
    assert_silence(SERIAL);
    (void)ASK(.token = "u");
    assert_non_null(waiting); /* given up: the next request can wait */
}

static void a_reset_ends_it(void **state) {
    (void)state;
    (void)ASK(.token = "t");
    struct answer answer = finished(SERIAL, COAP_205_CONTENT);
    client_reply_empty(SERIAL, COAP_RST, answer.pdu.mid);
    fake_advance_us(100 * 1000000);
    assert_silence(SERIAL);
}

static void a_repeated_request_is_not_run_again(void **state) {
    (void)state;
    (void)ASK(.mid = 7, .token = "t");
    for (uint16_t i = 0; i < 2 * COAP_DEDUP_ENTRIES; i++) { /* the memory of duplicates turns over */
        (void)ASK_QUICK(.mid = (uint16_t)(100 + i));
    }
    struct answer answer = ASK(.mid = 7, .token = "t");
    assert_empty_ack(&answer, 7);
    assert_int_equal(runs, 1);
    answer = finished(SERIAL, COAP_205_CONTENT);
    assert_int_equal(answer.pdu.code, COAP_205_CONTENT);
    answer = ASK(.mid = 7, .token = "t"); /* its ACK and the request crossed */
    assert_empty_ack(&answer, 7);
    assert_int_equal(runs, 1);
}

static void a_second_one_is_told_to_come_back(void **state) {
    (void)state;
    (void)ASK(.token = "t");
    struct answer answer = ASK(.token = "u", .peer = 1);
    assert_int_equal(answer.pdu.code, COAP_503_UNAVAILABLE);
    assert_true(option_of(&answer, COAP_OPT_MAX_AGE) > 0);
    answer = finished(SERIAL, COAP_205_CONTENT);
    assert_memory_equal(answer.pdu.token, "t", 1);
    answer = ASK(.token = "u", .peer = 1); /* the answer is still on its way */
    assert_int_equal(answer.pdu.code, COAP_503_UNAVAILABLE);
}

static void an_answer_inside_the_handler_still_follows_the_ack(void **state) {
    (void)state;
    answer_at_once = true;
    struct answer answer = ASK(.mid = 9);
    assert_empty_ack(&answer, 9);
    answer = client_next(SERIAL);
    assert_int_equal(answer.pdu.type, COAP_CON);
    assert_int_equal(answer.pdu.code, COAP_205_CONTENT);
}

/* ---- together with other things --------------------------------------------------------- */

static void blocks_and_accept_apply(void **state) {
    (void)state;
    answer_len = 100;
    (void)ASK(.token = "t", .block2 = &((struct coap_block){.szx = 0}));
    struct answer answer = finished(SERIAL, COAP_205_CONTENT);
    assert_int_equal(answer.pdu.payload_len, 16);
    assert_true(block_of(&answer, COAP_OPT_BLOCK2).more);
    client_reply_empty(SERIAL, COAP_ACK, answer.pdu.mid);
    answer = ASK(.block2 = &((struct coap_block){.num = 6, .szx = 0}));
    assert_int_equal(answer.pdu.payload_len, 4);
    assert_int_equal(runs, 1);
    (void)ASK(.token = "t", .accept = 1 + COAP_FORMAT_CBOR);
    answer = finished(SERIAL, COAP_205_CONTENT);
    assert_int_equal(answer.pdu.code, COAP_406_NOT_ACCEPTABLE);
}

static struct answer put(uint8_t peer, uint32_t num, bool more) {
    static const uint8_t bytes[64] = "block";
    struct coap_block block = {.num = num, .more = more, .szx = 2};
    return client_ask(&(struct ask){.method = COAP_PUT,
                                    .path = "upload",
                                    .peer = peer,
                                    .block1 = &block,
                                    .payload = bytes,
                                    .len = more ? 64 : 5});
}

static void the_end_of_an_upload_may_take_its_time(void **state) {
    (void)state;
    (void)put(SERIAL, 0, true);
    struct answer answer = put(SERIAL, 1, false);
    assert_int_equal(answer.pdu.code, COAP_CODE_EMPTY);
    fake_advance_us(2 * COAP_UPLOAD_TIMEOUT_S * UINT64_C(1000000));
    assert_string_equal(abandoned, ""); /* it is not the client who pauses */
    answer = put(1, 0, true);
    assert_int_equal(answer.pdu.code, COAP_503_UNAVAILABLE);
    answer = put(SERIAL, 1, false); /* under a new message ID */
    assert_int_equal(answer.pdu.code, COAP_CODE_EMPTY);
    answer = finished(SERIAL, COAP_204_CHANGED);
    assert_int_equal(answer.pdu.code, COAP_204_CHANGED);
    assert_silence(SERIAL);
    assert_int_equal(block_of(&answer, COAP_OPT_BLOCK1).num, 1);
    assert_string_equal(abandoned, "");
    assert_int_equal(stored_len, 69);
    answer = put(SERIAL, 1, false);
    assert_int_equal(answer.pdu.code, COAP_204_CHANGED); /* repeated, not run again */
    assert_int_equal(runs, 1);
    answer = put(1, 0, true);
    assert_int_equal(answer.pdu.code, COAP_231_CONTINUE);
}

static void an_upload_that_is_refused_late_is_abandoned(void **state) {
    (void)state;
    (void)put(SERIAL, 0, true);
    (void)put(SERIAL, 1, false);
    struct answer answer = finished(SERIAL, COAP_422_UNPROCESSABLE);
    assert_int_equal(answer.pdu.code, COAP_422_UNPROCESSABLE);
    assert_string_equal(abandoned, "upload");
}

static void an_upload_may_be_answered_inside_the_handler(void **state) {
    (void)state;
    answer_at_once = true;
    (void)put(SERIAL, 0, true);
    (void)put(SERIAL, 1, false);
    struct answer answer = client_next(SERIAL);
    assert_int_equal(answer.pdu.code, COAP_205_CONTENT);
    answer = put(1, 0, true);
    assert_int_equal(answer.pdu.code, COAP_231_CONTINUE);
}

static void what_is_late_is_not_observed(void **state) {
    (void)state;
    struct answer answer = ASK(.token = "t", .observe = 1 + 0);
    assert_empty_ack(&answer, answer.pdu.mid);
    answer = finished(SERIAL, COAP_205_CONTENT);
    assert_int_equal(option_of(&answer, COAP_OPT_OBSERVE), -1);
    assert_int_equal(coap_observe_count(), 0);
}

static void a_condition_on_what_is_late_does_not_wait_for_it(void **state) {
    (void)state;
    struct answer answer = client_ask(&(struct ask){
        .method = COAP_DELETE, .path = "separate", .extra = {{COAP_OPT_IF_MATCH, NULL, 0}}});
    assert_int_equal(answer.pdu.code, COAP_CODE_EMPTY); /* it exists: the DELETE runs, late */
    assert_int_equal(runs, 2);
    answer = finished(SERIAL, COAP_202_DELETED);
    assert_int_equal(answer.pdu.code, COAP_202_DELETED);
}

/* NSTART = 1 (section 4.7): a confirmable notification is under way. */
static void it_waits_for_the_other_exchange_with_this_client(void **state) {
    (void)state;
    (void)ASK_QUICK(.token = "o", .observe = 1 + 0);
    coap_server_gone("quick");
    fake_settle();
    struct answer notification = client_next(SERIAL);
    assert_int_equal(notification.pdu.type, COAP_CON);
    (void)ASK(.token = "t");
    struct answer answer = finished(SERIAL, COAP_205_CONTENT);
    assert_false(answer.present);
    client_reply_empty(SERIAL, COAP_ACK, notification.pdu.mid);
    answer = client_next(SERIAL);
    assert_int_equal(answer.pdu.code, COAP_205_CONTENT);
}

static void it_goes_when_that_exchange_is_called_off(void **state) {
    (void)state;
    (void)ASK_QUICK(.token = "o", .observe = 1 + 0);
    coap_server_gone("quick");
    fake_settle();
    (void)client_next(SERIAL);
    (void)ASK(.token = "t");
    struct answer answer = finished(SERIAL, COAP_205_CONTENT);
    assert_false(answer.present);
    (void)ASK_QUICK(.token = "o", .observe = 1 + 1); /* no longer interested */
    answer = client_next(SERIAL);
    assert_int_equal(answer.pdu.type, COAP_CON);
    assert_memory_equal(answer.pdu.token, "t", 1);
}

static void a_body_of_the_applications_own_is_copied_if_it_fits(void **state) {
    (void)state;
    uint8_t own[COAP_DEFERRED_BODY_MAX + 1];
    for (size_t extra = 0; extra <= 1; extra++) {
        fresh(state);
        (void)ASK(.token = "t");
        struct coap_response response = {.code = COAP_205_CONTENT, .body = own};
        response.len = response.cap = COAP_DEFERRED_BODY_MAX + extra;
        memset(own, 'o', sizeof own);
        coap_complete(waiting, &response);
        memset(own, 'x', sizeof own);
        fake_settle();
        struct answer answer = client_next(SERIAL);
        assert_int_equal(answer.pdu.code, extra == 0 ? COAP_205_CONTENT : COAP_500_INTERNAL);
        assert_true(extra == 1 || answer.pdu.payload[COAP_DEFERRED_BODY_MAX - 1] == 'o');
    }
}

static void a_deferral_does_not_outlive_the_server(void **state) {
    (void)ASK(.token = "t");
    struct coap_deferral *before = waiting;
    fresh(state);
    waiting = before;
    struct answer answer = finished(SERIAL, COAP_205_CONTENT);
    assert_false(answer.present);
}

static void it_waits_for_room(void **state) {
    (void)state;
    (void)ASK(.token = "t");
    fake_uart_tx_cap(0);
    struct answer answer = finished(SERIAL, COAP_205_CONTENT);
    assert_false(answer.present);
    fake_uart_tx_cap(FAKE_RING_BYTES);
    fake_settle();
    answer = client_next(SERIAL);
    assert_int_equal(answer.pdu.code, COAP_205_CONTENT);
}

static void a_line_that_takes_nothing_does_not_keep_others_out(void **state) {
    (void)state;
    (void)ASK(.token = "t");
    fake_uart_tx_cap(0);
    (void)ASK_QUICK(.token = "q"); /* in the way for ever */
    (void)finished(SERIAL, COAP_205_CONTENT);
    fake_jump_us((COAP_EXCHANGE_LIFETIME_S - 2) * UINT64_C(1000000));
    struct answer answer = ASK(.token = "u", .peer = 1);
    assert_int_equal(answer.pdu.code, COAP_503_UNAVAILABLE);
    fake_jump_us(2 * 1000000);
    answer = ASK(.token = "u", .peer = 1);
    assert_int_equal(answer.pdu.code, COAP_CODE_EMPTY);
}

static void the_request_is_known_no_longer_than_its_message_lives(void **state) {
    (void)state;
    (void)ASK(.mid = 7, .token = "t");
    fake_jump_us(COAP_EXCHANGE_LIFETIME_S * UINT64_C(1000000));
    struct answer answer = ASK(.mid = 7, .token = "t"); /* another one: it cannot wait, too */
    assert_int_equal(answer.pdu.code, COAP_503_UNAVAILABLE);
    assert_int_equal(runs, 2);
}

#define T(test) cmocka_unit_test_setup(test, fresh)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_late_answer_is_a_message_of_its_own),
        T(a_non_gets_a_late_non_and_no_ack),
        T(it_is_repeated_until_it_is_acknowledged),
        T(a_reset_ends_it),
        T(a_repeated_request_is_not_run_again),
        T(a_second_one_is_told_to_come_back),
        T(an_answer_inside_the_handler_still_follows_the_ack),
        T(blocks_and_accept_apply),
        T(the_end_of_an_upload_may_take_its_time),
        T(an_upload_that_is_refused_late_is_abandoned),
        T(an_upload_may_be_answered_inside_the_handler),
        T(what_is_late_is_not_observed),
        T(a_condition_on_what_is_late_does_not_wait_for_it),
        T(it_waits_for_the_other_exchange_with_this_client),
        T(it_goes_when_that_exchange_is_called_off),
        T(a_body_of_the_applications_own_is_copied_if_it_fits),
        T(a_deferral_does_not_outlive_the_server),
        T(it_waits_for_room),
        T(a_line_that_takes_nothing_does_not_keep_others_out),
        T(the_request_is_known_no_longer_than_its_message_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
