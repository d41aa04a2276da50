/* The memory of answered requests: what is replayed, what is executed again, what is forgotten. */
#include "cmocka_all.h"

#include <string.h>

#include "clock_edges.h"
#include "config.h"
#include "net/coap_dedup.h"
#include "net/coap_lifetime.h"

#define GET 1
#define POST 2

static const struct coap_peer here = {.addr = {1}}, there = {.addr = {2}};
static uint8_t response[400];
static size_t response_len;
static const uint8_t *found;
static size_t found_len;

static int fresh(void **state) {
    (void)state;
    fake_reset();
    coap_dedup_reset();
    return 0;
}

static struct coap_pdu request(uint8_t code, enum coap_type type, uint16_t mid) {
    return (struct coap_pdu){.type = type, .code = code, .mid = mid};
}

/* A response with this many bytes of payload. */
static void make_response(size_t payload_len) {
    static uint8_t payload[300];
    struct coap_builder builder;
    coap_build(&builder, response, sizeof response, COAP_ACK, 0x45, 1, (const uint8_t *)"tok", 3);
    coap_build_uint(&builder, COAP_OPT_MAX_AGE, 7);
    coap_build_payload(&builder, payload, payload_len);
    response_len = builder.len;
}

static void remember(const struct coap_peer *peer, struct coap_pdu pdu, uint32_t hash) {
    coap_dedup_remember(peer, &pdu, hash, response, response_len);
}

static enum coap_dedup_result find(const struct coap_peer *peer, struct coap_pdu pdu, uint32_t hash) {
    return coap_dedup_find(peer, &pdu, hash, &found, &found_len);
}

static void a_duplicate_gets_the_same_bytes(void **state) {
    (void)state;
    make_response(10);
    assert_int_equal(find(&here, request(GET, COAP_CON, 5), 99), COAP_DEDUP_NEW);
    remember(&here, request(GET, COAP_CON, 5), 99);
    assert_int_equal(find(&here, request(GET, COAP_CON, 5), 99), COAP_DEDUP_REPLAY);
    assert_int_equal(found_len, response_len);
    assert_memory_equal(found, response, response_len);
}

static void peer_id_and_content_must_all_agree(void **state) {
    (void)state;
    make_response(10);
    remember(&here, request(GET, COAP_CON, 5), 99);
    assert_int_equal(find(&there, request(GET, COAP_CON, 5), 99), COAP_DEDUP_NEW);
    assert_int_equal(find(&here, request(GET, COAP_CON, 6), 99), COAP_DEDUP_NEW);
    assert_int_equal(find(&here, request(GET, COAP_CON, 5), 98), COAP_DEDUP_NEW);
}

static void a_duplicate_non_gets_no_answer(void **state) {
    (void)state;
    make_response(10);
    remember(&here, request(POST, COAP_NON, 5), 99);
    assert_int_equal(find(&here, request(POST, COAP_NON, 5), 99), COAP_DEDUP_IGNORE);
}

static void the_longest_response_is_kept_and_no_longer_one(void **state) {
    (void)state;
    make_response(0);
    size_t head = response_len + 1; /* and the payload marker */
    make_response(COAP_DEDUP_RESPONSE_MAX - head);
    assert_int_equal(response_len, COAP_DEDUP_RESPONSE_MAX);
    remember(&here, request(GET, COAP_CON, 5), 1);
    assert_int_equal(find(&here, request(GET, COAP_CON, 5), 1), COAP_DEDUP_REPLAY);
    make_response(COAP_DEDUP_RESPONSE_MAX - head + 1);
    remember(&here, request(GET, COAP_CON, 6), 1);
    assert_int_equal(find(&here, request(GET, COAP_CON, 6), 1), COAP_DEDUP_NEW);
}

static void a_post_is_always_remembered(void **state) {
    (void)state;
    struct coap_pdu pdu;
    make_response(300);
    remember(&here, request(POST, COAP_CON, 5), 1);
    assert_int_equal(find(&here, request(POST, COAP_CON, 5), 1), COAP_DEDUP_REPLAY);
    assert_int_equal(coap_parse(found, found_len, &pdu), WM_OK); /* well-formed, without its payload */
    assert_int_equal(pdu.code, 0x45);
    assert_int_equal(pdu.token_len, 3);
    assert_int_equal(pdu.options_len, 3); /* Max-Age */
    assert_int_equal(pdu.payload_len, 0);
}

static void the_oldest_makes_room(void **state) {
    (void)state;
    make_response(4);
    for (uint16_t mid = 0; mid <= COAP_DEDUP_ENTRIES; mid++) {
        remember(&here, request(POST, COAP_CON, mid), mid);
    }
    assert_int_equal(find(&here, request(POST, COAP_CON, 0), 0), COAP_DEDUP_NEW);
    for (uint16_t mid = 1; mid <= COAP_DEDUP_ENTRIES; mid++) {
        assert_int_equal(find(&here, request(POST, COAP_CON, mid), mid), COAP_DEDUP_REPLAY);
    }
}

/* RFC 7252 section 4.8.2: after its lifetime a message ID may stand for another message. */
static void an_entry_lives_as_long_as_its_message(size_t edge, enum coap_type type,
                                                  uint32_t lifetime_s) {
    fake_reset();
    coap_dedup_reset();
    start_before_edge(edge, 5000000);
    make_response(10);
    remember(&here, request(GET, type, 5), 99);
    fake_jump_us((lifetime_s - 1) * UINT64_C(1000000));
    assert_int_not_equal(find(&here, request(GET, type, 5), 99), COAP_DEDUP_NEW);
    fake_jump_us(1000000);
    assert_int_equal(find(&here, request(GET, type, 5), 99), COAP_DEDUP_NEW);
    fake_jump_us(UINT64_C(50) * 24 * 3600 * 1000000);
    assert_int_equal(find(&here, request(GET, type, 5), 99), COAP_DEDUP_NEW);
}

static void no_entry_outlives_its_message(void **state) {
    (void)state;
    for (size_t edge = 0; edge < CLOCK_EDGES; edge++) {
        an_entry_lives_as_long_as_its_message(edge, COAP_CON, COAP_EXCHANGE_LIFETIME_S);
        an_entry_lives_as_long_as_its_message(edge, COAP_NON, COAP_NON_LIFETIME_S);
    }
}

static void a_replay_does_not_prolong_an_entry(void **state) {
    (void)state;
    make_response(10);
    remember(&here, request(GET, COAP_CON, 5), 99);
    fake_jump_us(200 * 1000000);
    assert_int_equal(find(&here, request(GET, COAP_CON, 5), 99), COAP_DEDUP_REPLAY);
    fake_jump_us(47 * 1000000);
    assert_int_equal(find(&here, request(GET, COAP_CON, 5), 99), COAP_DEDUP_NEW);
}

#define T(test) cmocka_unit_test_setup(test, fresh)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_duplicate_gets_the_same_bytes), T(peer_id_and_content_must_all_agree),
        T(a_duplicate_non_gets_no_answer),  T(the_longest_response_is_kept_and_no_longer_one),
        T(a_post_is_always_remembered),     T(the_oldest_makes_room),
        T(no_entry_outlives_its_message),   T(a_replay_does_not_prolong_an_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
