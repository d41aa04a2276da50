/* A client that asks again while the answer to the first block of its upload is late: with the same
 * message, with another one, after it has given the first up. */
#include "cmocka_all.h"

#include <string.h>

#include "coap_client.h"

static struct coap_deferral *waiting;
static unsigned runs, abandoned;
static size_t first_len;

static void upload(const struct coap_request *request, struct coap_response *response) {
    response->code = COAP_204_CHANGED;
    if (request->offset > 0)
        return;
    runs++;
    first_len = request->len;
    if (waiting)
        coap_defer_instead(waiting, request);
    else
        waiting = coap_defer(request, response);
}

static void abandon(const char *path) {
    (void)path;
    abandoned++;
}

static const struct coap_resource table[] = {{.path = "upload",
                                              .attributes = "",
                                              .methods = 1 << COAP_PUT,
                                              .flags = COAP_STREAMED,
                                              .handle = upload,
                                              .abandon = abandon}};

static int fresh(void **state) {
    (void)state;
    waiting = NULL;
    runs = abandoned = 0;
    client_start(table, 1);
    return 0;
}

static struct answer put(uint8_t peer, uint16_t mid, const char *token, struct coap_block block) {
    static const uint8_t payload[1024] = {1, 2, 3};
    return client_ask(&(struct ask){.peer = peer,
                                    .mid = mid,
                                    .token = token,
                                    .method = COAP_PUT,
                                    .path = "upload",
                                    .block1 = &block,
                                    .payload = payload,
                                    .len = coap_block_bytes(block.szx)});
}

static struct answer finished(uint8_t code) {
    struct coap_response response;
    coap_deferred_begin(waiting, &response);
    response.code = code;
    coap_complete(waiting, &response);
    waiting = NULL;
    fake_settle();
    return client_next(SERIAL);
}

static const struct coap_block large = {0, true, 6}, small = {0, true, 5};

static void assert_empty_ack(const struct answer *answer, uint16_t mid) {
    assert_int_equal(answer->pdu.code, COAP_CODE_EMPTY);
    assert_int_equal(answer->pdu.type, COAP_ACK);
    assert_int_equal(answer->pdu.mid, mid);
}

static void the_same_message_gets_its_empty_ack_again(void **state) {
    (void)state;
    for (int copy = 0; copy < 3; copy++) {
        struct answer answer = put(SERIAL, 7, "a", large);
        assert_empty_ack(&answer, 7);
    }
    assert_int_equal(runs, 1);
}

static void another_message_takes_its_place(void **state) {
    (void)state;
    (void)put(SERIAL, 7, "a", large);
    struct answer answer = put(SERIAL, 8, "b", small);
    assert_empty_ack(&answer, 8);
    assert_int_equal(runs, 2);
    assert_int_equal(abandoned, 0);
    answer = finished(COAP_204_CHANGED);
    assert_int_equal(answer.pdu.code, COAP_231_CONTINUE);
    assert_memory_equal(answer.pdu.token, "b", 1);
    assert_int_equal(first_len, 512);
    client_reply_empty(SERIAL, COAP_ACK, answer.pdu.mid);
    answer = put(SERIAL, 9, "c", (struct coap_block){1, true, 5});
    assert_int_equal(answer.pdu.code, COAP_231_CONTINUE);
}

static void nothing_else_does(void **state) {
    (void)state;
    (void)put(SERIAL, 7, "a", large);
    struct answer answer = put(SERIAL, 8, "b", (struct coap_block){1, true, 6});
    assert_int_equal(answer.pdu.code, COAP_503_UNAVAILABLE);
    answer = put(1, 9, "c", large);
    assert_int_equal(answer.pdu.code, COAP_503_UNAVAILABLE);
    answer = finished(COAP_204_CHANGED);
    assert_memory_equal(answer.pdu.token, "a", 1);
}

static void an_answer_that_nobody_waits_for_holds_nothing_up(void **state) {
    (void)state;
    (void)put(SERIAL, 7, "a", large);
    struct answer answer = finished(COAP_204_CHANGED); /* and is lost */
    assert_int_equal(answer.pdu.type, COAP_CON);
    answer = put(SERIAL, 8, "b", small);
    assert_empty_ack(&answer, 8);
    assert_int_equal(abandoned, 1); /* what came with the first */
    fake_advance_us(10 * 1000000);
    answer = client_next(SERIAL);
    assert_false(answer.present); /* not repeated */
    answer = finished(COAP_204_CHANGED);
    assert_memory_equal(answer.pdu.token, "b", 1);
}

#define T(test) cmocka_unit_test_setup(test, fresh)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(the_same_message_gets_its_empty_ack_again),
        T(another_message_takes_its_place),
        T(nothing_else_does),
        T(an_answer_that_nobody_waits_for_holds_nothing_up),
    };
    return cmocka_run_group_tests_name("again", tests, NULL, NULL);
}
