/* Uploads in blocks (RFC 7959 section 2.5, RFC 9175 section 3): one client uploads, and then comes
 * something that is wrong, from it or from another. Whatever it is, the upload either goes on as if
 * nothing had come, or is over and says so. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "coap_client.h"

/* ---- resources -------------------------------------------------------------------------- */

static uint8_t stored[8192];
static size_t stored_len;
static unsigned abandons, ends;

static void take(const struct coap_request *request, struct coap_response *response) {
    if (request->total > sizeof stored || request->offset + request->len > sizeof stored) {
        coap_fail(response, COAP_413_TOO_LARGE, "too large");
        response->max_size = sizeof stored;
        return;
    }
    memcpy(stored + request->offset, request->payload, request->len);
    stored_len = request->offset + request->len;
    ends += !request->more;
    response->code = COAP_204_CHANGED;
}

static void abandon(const char *path) {
    assert_string_equal(path, "store");
    abandons++;
}

/* Gives back what it was sent, longer than one block. */
static void echo(const struct coap_request *request, struct coap_response *response) {
    take(request, response);
    memcpy(response->body, request->payload, request->len);
    memcpy(response->body + request->len, request->payload, request->len);
    response->len = 2 * request->len;
}

#define M(method) (1 << (method))

static const struct coap_resource table[] = {
    {.path = "store",
     .attributes = "",
     .methods = M(COAP_PUT) | M(COAP_POST),
     .flags = COAP_STREAMED,
     .handle = take,
     .abandon = abandon},
    {.path = "other", .attributes = "", .methods = M(COAP_PUT), .flags = COAP_STREAMED, .handle = take},
    {.path = "echo", .attributes = "", .methods = M(COAP_POST) | M(COAP_PUT), .handle = echo},
};

static uint8_t body[8192], noise[1152];

static int fresh(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (uint8_t)(i + i / 256);
    }
    memset(noise, '!', sizeof noise);
    memset(stored, 0, sizeof stored);
    stored_len = 0;
    abandons = ends = 0;
    client_start(table, sizeof table / sizeof table[0]);
    return 0;
}

static void assert_code(const struct answer *answer, uint8_t code) {
    assert_true(answer->present);
    assert_int_equal(answer->pdu.code, code);
}

/* ---- what can be wrong ------------------------------------------------------------------ */

#define A 1 /* uploads 240 bytes to /store in blocks of 64; the first two have arrived */
#define B 2 /* anybody else */
#define LEN 240

#define BLOCK(...) (&(struct coap_block){__VA_ARGS__})
#define RESET 0xff
#define GAP COAP_408_INCOMPLETE
#define BUSY COAP_503_UNAVAILABLE
#define FORM COAP_400_BAD_REQUEST
#define BAD_OPTION COAP_402_BAD_OPTION

static const uint8_t four_bytes[4] = {0, 0, 0, 0x2a}, block_3[] = {0x3a};

static const struct wrong {
    const char *what;
    uint8_t code; /* of the answer to it, or RESET */
    bool ends;    /* the upload of A is over */
    struct ask ask;
} wrongs[] = {
    /* From the client itself: order. */
    {"a gap", GAP, false, {.peer = A, .block1 = BLOCK(3, true, 2), .len = 64}},
    {"the last block, too early", GAP, false, {.peer = A, .block1 = BLOCK(3, false, 2), .len = 48}},
    {"the highest number", GAP, false, {.peer = A, .block1 = BLOCK(0xfffff, true, 2), .len = 64}},
    {"the highest offset", GAP, false, {.peer = A, .block1 = BLOCK(0xfffff, true, 6), .len = 1024}},
    {"block 1 with other bytes",
     GAP,
     false,
     {.peer = A, .block1 = BLOCK(1, true, 2), .payload = noise, .len = 64}},
    {"block 0 anew", COAP_231_CONTINUE, true, {.peer = A, .block1 = BLOCK(0, true, 2), .len = 64}},
    {"a whole body", COAP_204_CHANGED, true, {.peer = A, .len = 64}},
    {"a body of one block",
     COAP_204_CHANGED,
     true,
     {.peer = A, .block1 = BLOCK(0, false, 2), .len = 64}},
    /* Size. */
    {"the number kept, smaller blocks", GAP, false, {.peer = A, .block1 = BLOCK(2, true, 1), .len = 32}},
    {"the number kept, smallest blocks",
     GAP,
     false,
     {.peer = A, .block1 = BLOCK(2, true, 0), .len = 16}},
    {"the number kept, larger blocks", GAP, false, {.peer = A, .block1 = BLOCK(2, true, 3), .len = 128}},
    {"the number kept, largest blocks",
     GAP,
     false,
     {.peer = A, .block1 = BLOCK(2, true, 6), .len = 1024}},
    {"a size that is reserved", FORM, false, {.peer = A, .block1 = BLOCK(2, true, 7), .len = 64}},
    {"a reserved size at the start", FORM, false, {.peer = A, .block1 = BLOCK(0, true, 7), .len = 64}},
    {"one byte short, with more", FORM, false, {.peer = A, .block1 = BLOCK(2, true, 2), .len = 63}},
    {"one byte long, with more", FORM, false, {.peer = A, .block1 = BLOCK(2, true, 2), .len = 65}},
    {"nothing, with more", FORM, false, {.peer = A, .block1 = BLOCK(2, true, 2), .len = 0}},
    {"a last block that is too long", FORM, false, {.peer = A, .block1 = BLOCK(2, false, 2), .len = 65}},
    {"a first block that is too short", FORM, false, {.peer = A, .block1 = BLOCK(0, true, 2), .len = 1}},
    {"larger than there is room for",
     COAP_413_TOO_LARGE,
     true,
     {.peer = A, .block1 = BLOCK(0, true, 2), .len = 64, .size1 = 1 + 9000}},
    /* Another body. */
    {"another resource",
     GAP,
     false,
     {.peer = A, .path = "other", .block1 = BLOCK(2, true, 2), .len = 64}},
    {"another kind of resource",
     GAP,
     false,
     {.peer = A, .path = "echo", .block1 = BLOCK(2, true, 2), .len = 64}},
    {"no resource",
     COAP_404_NOT_FOUND,
     false,
     {.peer = A, .path = "nowhere", .block1 = BLOCK(2, true, 2), .len = 64}},
    {"another method",
     GAP,
     false,
     {.peer = A, .method = COAP_POST, .block1 = BLOCK(2, true, 2), .len = 64}},
    {"no such method",
     COAP_405_METHOD_NOT_ALLOWED,
     false,
     {.peer = A, .method = COAP_DELETE, .block1 = BLOCK(2, true, 2), .len = 64}},
    {"another Request-Tag",
     GAP,
     false,
     {.peer = A,
      .block1 = BLOCK(2, true, 2),
      .len = 64,
      .extra = {{COAP_OPT_REQUEST_TAG, (const uint8_t *)"x", 1}}}},
    {"an empty Request-Tag",
     GAP,
     false,
     {.peer = A, .block1 = BLOCK(2, true, 2), .len = 64, .extra = {{COAP_OPT_REQUEST_TAG, NULL, 0}}}},
    /* Options. */
    {"Block1 twice",
     BAD_OPTION,
     false,
     {.peer = A, .block1 = BLOCK(2, true, 2), .len = 64, .extra = {{COAP_OPT_BLOCK1, block_3, 1}}}},
    {"Block1 of four bytes",
     BAD_OPTION,
     false,
     {.peer = A, .len = 64, .extra = {{COAP_OPT_BLOCK1, four_bytes, 4}}}},
    {"a critical option",
     BAD_OPTION,
     false,
     {.peer = A, .block1 = BLOCK(2, true, 2), .len = 64, .extra = {{2049, NULL, 0}}}},
    {"a critical option in a NON",
     RESET,
     false,
     {.peer = A, .type = COAP_NON, .block1 = BLOCK(2, true, 2), .len = 64, .extra = {{2049, NULL, 0}}}},
    {"If-None-Match of what exists",
     COAP_412_PRECONDITION_FAILED,
     true,
     {.peer = A, .block1 = BLOCK(0, true, 2), .len = 64, .extra = {{COAP_OPT_IF_NONE_MATCH, NULL, 0}}}},
    {"a later block of an answer", GAP, false, {.peer = A, .block2 = BLOCK(1, false, 2)}},
    {"the same of both",
     GAP,
     false,
     {.peer = A, .block1 = BLOCK(2, true, 2), .block2 = BLOCK(1, false, 2), .len = 64}},
    /* From another client. */
    {"another's start", BUSY, false, {.peer = B, .block1 = BLOCK(0, true, 2), .len = 64}},
    {"another's start elsewhere",
     BUSY,
     false,
     {.peer = B, .path = "other", .block1 = BLOCK(0, true, 2), .len = 64}},
    {"another's start of another kind",
     BUSY,
     false,
     {.peer = B, .path = "echo", .block1 = BLOCK(0, true, 2), .len = 64}},
    {"another's start with another method",
     BUSY,
     false,
     {.peer = B, .method = COAP_POST, .block1 = BLOCK(0, true, 2), .len = 64}},
    {"another's start with a tag",
     BUSY,
     false,
     {.peer = B,
      .block1 = BLOCK(0, true, 2),
      .len = 64,
      .extra = {{COAP_OPT_REQUEST_TAG, (const uint8_t *)"b", 1}}}},
    {"another's only block", BUSY, false, {.peer = B, .block1 = BLOCK(0, false, 2), .len = 9}},
    {"another's whole body", BUSY, false, {.peer = B, .len = 9}},
    {"another's start, not full", FORM, false, {.peer = B, .block1 = BLOCK(0, true, 2), .len = 9}},
    {"the next block, from another", GAP, false, {.peer = B, .block1 = BLOCK(2, true, 2), .len = 64}},
    {"the block before, from another", GAP, false, {.peer = B, .block1 = BLOCK(1, true, 2), .len = 64}},
    {"the last block, from another", GAP, false, {.peer = B, .block1 = BLOCK(2, false, 2), .len = 9}},
    {"a start, from the serial line",
     BUSY,
     false,
     {.peer = SERIAL, .block1 = BLOCK(0, true, 2), .len = 64}},
    {"the next block, from the serial line",
     GAP,
     false,
     {.peer = SERIAL, .block1 = BLOCK(2, true, 2), .len = 64}},
};

_Static_assert(sizeof wrongs / sizeof wrongs[0] >= 40, "the table of wrong blocks");

static struct answer put(uint8_t peer, uint32_t num, uint8_t szx, size_t total) {
    size_t size = coap_block_bytes(szx), offset = num * size;
    size_t len = total - offset < size ? total - offset : size;
    struct coap_block block = {.num = num, .more = offset + len < total, .szx = szx};
    return client_ask(&(struct ask){.peer = peer,
                                    .method = COAP_PUT,
                                    .path = "store",
                                    .payload = body + offset,
                                    .len = len,
                                    .block1 = &block});
}

static void send_wrong(const struct wrong *wrong) {
    struct ask ask = wrong->ask;
    ask.method = ask.method != 0 ? ask.method : COAP_PUT;
    ask.path = ask.path != NULL ? ask.path : "store";
    if (ask.payload == NULL) {
        bool in_order = ask.block1 != NULL && ask.block1->num < 3;
        ask.payload = in_order ? body + ask.block1->num * 64 : body;
    }
    struct answer answer = client_ask(&ask);
    if (wrong->code == RESET) {
        assert_int_equal(answer.pdu.type, COAP_RST);
        return;
    }
    assert_code(&answer, wrong->code);
    if (wrong->code == BUSY) { /* when to come back */
        assert_in_range(option_of(&answer, COAP_OPT_MAX_AGE), 1, COAP_UPLOAD_TIMEOUT_S + 1);
    }
}

static void the_upload_ends_well(void) {
    struct answer answer = put(A, 2, 2, LEN);
    assert_code(&answer, COAP_231_CONTINUE);
    answer = put(A, 3, 2, LEN);
    assert_code(&answer, COAP_204_CHANGED);
    assert_int_equal(stored_len, LEN);
    assert_memory_equal(stored, body, LEN);
    assert_int_equal(abandons, 0);
    assert_int_equal(ends, 1);
}

static void a_wrong_block_is_refused_and_nothing_else_is_touched(void **state) {
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        print_message("%s\n", wrongs[i].what);
        fresh(state);
        (void)put(A, 0, 2, LEN);
        (void)put(A, 1, 2, LEN);
        send_wrong(&wrongs[i]);
        if (wrongs[i].ends) {
            assert_int_equal(abandons, wrongs[i].code == COAP_413_TOO_LARGE ||
                                               wrongs[i].code == COAP_412_PRECONDITION_FAILED
                                           ? 2 /* the one that was under way, the one that began */
                                           : 1);
            struct answer answer = put(A, 2, 2, LEN);
            assert_code(&answer, COAP_408_INCOMPLETE);
        } else {
            the_upload_ends_well();
        }
    }
}

static void the_same_wrong_blocks_are_refused_when_nothing_is_under_way(void **state) {
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        if (wrongs[i].code != BUSY && !wrongs[i].ends) {
            fresh(state);
            send_wrong(&wrongs[i]);
            assert_int_equal(stored_len, 0);
        }
    }
}

/* ---- what is right ---------------------------------------------------------------------- */

static void every_block_size_works_and_may_change_on_the_way(void **state) {
    const size_t total = 5000;
    for (uint8_t first = 0; first <= COAP_BLOCK_SZX_MAX; first++) {
        for (uint8_t then = 0; then <= COAP_BLOCK_SZX_MAX; then++) {
            fresh(state);
            struct answer answer = put(A, 0, first, total);
            assert_code(&answer, COAP_231_CONTINUE);
            /* A larger block must begin where one of its size can. */
            uint32_t at = (uint32_t)coap_block_bytes(first);
            uint8_t szx = first;
            while (at < total) {
                szx = at % coap_block_bytes(then) == 0 ? then : szx;
                answer = put(A, at >> (4 + szx), szx, total);
                assert_int_equal(block_of(&answer, COAP_OPT_BLOCK1).szx, szx);
                at += (uint32_t)coap_block_bytes(szx);
            }
            assert_code(&answer, COAP_204_CHANGED);
            assert_int_equal(stored_len, total);
            assert_memory_equal(stored, body, total);
        }
    }
}

static struct answer put_tagged(uint32_t num, bool more, const char *tag) {
    struct coap_block block = {.num = num, .more = more, .szx = 2};
    return client_ask(
        &(struct ask){.peer = A,
                      .method = COAP_PUT,
                      .path = "store",
                      .payload = body + num * 64,
                      .len = 64,
                      .block1 = &block,
                      .extra = {{COAP_OPT_REQUEST_TAG, (const uint8_t *)tag, strlen(tag)}}});
}

static void blocks_with_the_same_request_tag_belong_together(void **state) {
    (void)state;
    struct answer answer = put_tagged(0, true, "one");
    assert_code(&answer, COAP_231_CONTINUE);
    answer = put_tagged(1, false, "two");
    assert_code(&answer, COAP_408_INCOMPLETE);
    answer = put_tagged(1, false, "one");
    assert_code(&answer, COAP_204_CHANGED);
    assert_memory_equal(stored, body, 128);
}

static void an_abandoned_upload_gives_way_after_its_time(void **state) {
    (void)state;
    (void)put(A, 0, 2, LEN);
    struct answer answer = put(B, 0, 2, LEN);
    assert_code(&answer, COAP_503_UNAVAILABLE);
    assert_in_range(option_of(&answer, COAP_OPT_MAX_AGE), 1, COAP_UPLOAD_UNPROVEN_S + 1);
    fake_advance_us((uint64_t)option_of(&answer, COAP_OPT_MAX_AGE) * 1000000); /* as it was told */
    answer = put(B, 0, 2, LEN);
    assert_int_equal(abandons, 1);
    assert_code(&answer, COAP_231_CONTINUE);
    answer = put(A, 1, 2, LEN);
    assert_code(&answer, COAP_408_INCOMPLETE);
}

/* RFC 7959 section 3.3: a body in blocks, answered in blocks, and the sizes differ. */
static struct answer post(uint32_t num, uint8_t szx, struct coap_block *block2) {
    struct coap_block block = {.num = num, .more = num < 3, .szx = szx};
    return client_ask(&(struct ask){.peer = A,
                                    .method = COAP_POST,
                                    .path = "echo",
                                    .payload = body + num * coap_block_bytes(szx),
                                    .len = coap_block_bytes(szx),
                                    .block1 = &block,
                                    .block2 = block2});
}

static void a_post_in_blocks_is_answered_in_blocks(void **state) {
    (void)state;
    client_prove(A);
    struct answer answer = {0};
    for (uint32_t num = 0; num < 4; num++) {
        answer = post(num, 3, num == 3 ? BLOCK(0, false, 2) : NULL);
        assert_code(&answer, num < 3 ? COAP_231_CONTINUE : COAP_204_CHANGED);
        assert_int_equal(block_of(&answer, COAP_OPT_BLOCK1).num, num);
    }
    assert_int_equal(ends, 1);
    assert_int_equal(option_of(&answer, COAP_OPT_SIZE2), 1024);
    for (uint32_t num = 0; num < 16; num++) {
        if (num > 0) {
            answer = client_ask(&(struct ask){
                .peer = A, .method = COAP_POST, .path = "echo", .block2 = BLOCK(num, false, 2)});
        }
        assert_int_equal(block_of(&answer, COAP_OPT_BLOCK2).more, num < 15);
        assert_int_equal(answer.pdu.payload_len, 64);
        assert_memory_equal(answer.pdu.payload, body + num % 8 * 64, 64);
    }
    assert_int_equal(option_of(&answer, COAP_OPT_BLOCK1), -1);
    assert_int_equal(ends, 1);
}

#define T(test) cmocka_unit_test_setup(test, fresh)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_wrong_block_is_refused_and_nothing_else_is_touched),
        T(the_same_wrong_blocks_are_refused_when_nothing_is_under_way),
        T(every_block_size_works_and_may_change_on_the_way),
        T(blocks_with_the_same_request_tag_belong_together),
        T(an_abandoned_upload_gives_way_after_its_time),
        T(a_post_in_blocks_is_answered_in_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
