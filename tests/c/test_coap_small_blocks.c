/* A build that offers blocks of 64 bytes at most, to clients that would like 1024: both directions are
 * negotiated down (RFC 7959 sections 2.3 and 2.4). */
#include "board_config.h"
#define COAP_BLOCK_SZX_MAX 2

#include "cmocka_all.h"

#include <string.h>

#include "coap_client.h"
#include "net/coap_respond.c"

static uint8_t stored[2048];

static void serve(const struct coap_request *request, struct coap_response *response) {
    if (request->method == COAP_GET) {
        response->code = COAP_205_CONTENT;
        response->len = 300;
        memset(response->body, 'g', 300);
        response->body[64] = '!';
        return;
    }
    memcpy(stored + request->offset, request->payload, request->len);
    response->code = COAP_204_CHANGED;
}

static const struct coap_resource table[] = {
    {.path = "store",
     .attributes = "",
     .methods = 1 << COAP_GET | 1 << COAP_PUT,
     .flags = COAP_STREAMED,
     .handle = serve},
};

static int fresh(void **state) {
    (void)state;
    client_start(table, 1);
    return 0;
}

static struct answer get(struct coap_block *block) {
    return client_ask(&(struct ask){.method = COAP_GET, .path = "store", .block2 = block});
}

static void answers_come_in_small_blocks(void **state) {
    (void)state;
    struct answer answer = get(NULL);
    assert_int_equal(answer.pdu.payload_len, 64);
    answer = get(&(struct coap_block){.num = 0, .szx = 6});
    assert_int_equal(answer.pdu.payload_len, 64);
    assert_int_equal(block_of(&answer, COAP_OPT_BLOCK2).szx, 2);
    answer = get(&(struct coap_block){.num = 1, .szx = 2});
    assert_int_equal(answer.pdu.payload[0], '!');
    answer = get(&(struct coap_block){.num = 1, .szx = 3}); /* byte 128, in the size it wants */
    assert_int_equal(block_of(&answer, COAP_OPT_BLOCK2).num, 2);
    assert_int_equal(block_of(&answer, COAP_OPT_BLOCK2).szx, 2);
    answer = get(&(struct coap_block){.num = 0xfffff, .szx = 6});
    assert_int_equal(answer.pdu.code, COAP_400_BAD_REQUEST);
}

static struct answer put(uint32_t num, bool more, uint8_t szx, size_t len) {
    static const uint8_t body[1024] = "a large first block";
    struct coap_block block = {.num = num, .more = more, .szx = szx};
    return client_ask(&(struct ask){
        .method = COAP_PUT, .path = "store", .payload = body, .len = len, .block1 = &block});
}

static void uploads_are_asked_to_go_on_in_small_blocks(void **state) {
    (void)state;
    struct answer answer = put(0, true, 6, 1024);
    assert_int_equal(answer.pdu.code, COAP_231_CONTINUE);
    assert_int_equal(block_of(&answer, COAP_OPT_BLOCK1).num, 0);
    assert_int_equal(block_of(&answer, COAP_OPT_BLOCK1).szx, 2);
    answer = put(16, false, 2, 5); /* where the first one ended */
    assert_int_equal(answer.pdu.code, COAP_204_CHANGED);
    assert_memory_equal(stored, "a large first block", 19);
    assert_memory_equal(stored + 1024, "a lar", 5);
}

#define T(test) cmocka_unit_test_setup(test, fresh)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(answers_come_in_small_blocks),
        T(uploads_are_asked_to_go_on_in_small_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
