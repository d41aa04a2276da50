/* Whole block-wise transfers (RFC 7959), from bytes to bytes. What can go wrong in an upload is in
 * test_coap_upload.c. */
#include "coap_site.h"

/* ---- Block2 ----------------------------------------------------------------------------- */

static void a_large_body_comes_in_blocks_of_one_copy(void **state) {
    (void)state;
    struct answer answer = GET(.path = "big");
    assert_slice(&answer, 0, 1024);
    assert_true(block_of(&answer, COAP_OPT_BLOCK2).more);
    assert_int_equal(option_of(&answer, COAP_OPT_SIZE2), 3000);
    int64_t etag = option_of(&answer, COAP_OPT_ETAG);
    assert_true(etag >= 0);
    site.version++; /* changes in between: the copy does not */
    for (uint32_t num = 1; num < 3; num++) {
        answer = GET(.path = "big", .block2 = &((struct coap_block){.num = num, .szx = 6}));
        site.version--;
        assert_slice(&answer, num * 1024, num < 2 ? 1024 : 3000 - 2048);
        site.version++;
        assert_int_equal(option_of(&answer, COAP_OPT_ETAG), etag);
        assert_int_equal(block_of(&answer, COAP_OPT_BLOCK2).more, num < 2);
    }
    assert_int_equal(site.runs, 1);
    answer = GET(.path = "big");
    assert_slice(&answer, 0, 1024);
    assert_int_not_equal(option_of(&answer, COAP_OPT_ETAG), etag);
}

static void other_requests_do_not_disturb_a_transfer(void **state) {
    (void)state;
    (void)GET(.path = "big");
    site.version++;
    (void)GET(.path = "node");
    (void)GET(.path = "big", .peer = 1); /* another client begins: its copy has to wait */
    site.version--;
    struct answer answer = GET(.path = "big", .block2 = &((struct coap_block){.num = 1, .szx = 6}));
    assert_slice(&answer, 1024, 1024);
}

static void block_size_can_be_negotiated_late(void **state) {
    (void)state;
    (void)GET(.path = "big");
    struct answer answer =
        GET(.path = "big", .block2 = &((struct coap_block){.num = 1024 / 64, .szx = 2}));
    assert_slice(&answer, 1024, 64);
    assert_int_equal(block_of(&answer, COAP_OPT_BLOCK2).szx, 2);
    assert_int_equal(block_of(&answer, COAP_OPT_BLOCK2).num, 16);
    assert_int_equal(site.runs, 1);
}

static void blocks_of_16_bytes_work(void **state) {
    (void)state;
    site.big_len = 100;
    for (uint32_t num = 0; num < 7; num++) {
        struct answer answer =
            GET(.path = "big", .block2 = &((struct coap_block){.num = num, .szx = 0}));
        assert_slice(&answer, num * 16, num < 6 ? 16 : 4);
    }
    assert_int_equal(site.runs, 1);
}

static void a_block_behind_the_end_is_refused(void **state) {
    (void)state;
    struct answer answer = GET(.path = "big", .block2 = &((struct coap_block){.num = 3, .szx = 6}));
    assert_code(&answer, COAP_400_BAD_REQUEST);
    answer = GET(.path = "big", .block2 = &((struct coap_block){.num = 1, .szx = 6}));
    assert_slice(&answer, 1024, 1024); /* the refusal left the copy whole */
    answer = GET(.path = "big", .block2 = &((struct coap_block){.num = 0, .szx = 7}));
    assert_code(&answer, COAP_400_BAD_REQUEST);
}

static void later_blocks_of_a_post_do_not_run_it_again(void **state) {
    (void)state;
    struct answer answer = POST(.path = "big");
    assert_slice(&answer, 0, 1024);
    answer = POST(.path = "big", .block2 = &((struct coap_block){.num = 1, .szx = 6}));
    assert_slice(&answer, 1024, 1024);
    assert_int_equal(site.runs, 1);
    answer = POST(.path = "big", .peer = 9, .block2 = &((struct coap_block){.num = 1, .szx = 6}));
    assert_code(&answer, COAP_408_INCOMPLETE);
    assert_int_equal(site.runs, 1);
}

/* ---- Block1 ----------------------------------------------------------------------------- */

static uint8_t body[5000];

/* Sends block num of the first `total` bytes of body. */
static struct answer put_block(uint8_t peer, const char *path, uint32_t num, uint8_t szx, size_t total) {
    size_t size = coap_block_bytes(szx), offset = num * size;
    size_t len = total - offset < size ? total - offset : size;
    struct coap_block block = {.num = num, .more = offset + len < total, .szx = szx};
    return PUT(.peer = peer, .path = path, .payload = body + offset, .len = len, .block1 = &block,
               .format = 43);
}

static int fresh_body(void **state) {
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (uint8_t)(i * 13 + i / 200);
    }
    return fresh(state);
}

static void assert_stored(size_t len) {
    assert_int_equal(site.stored_len, len);
    assert_memory_equal(site.stored, body, len);
}

static void a_body_is_assembled(void **state) {
    (void)state;
    for (uint32_t num = 0; num < 10; num++) {
        struct answer answer = put_block(SERIAL, "config", num, 2, 600);
        assert_code(&answer, num < 9 ? COAP_231_CONTINUE : COAP_204_CHANGED);
        struct coap_block block = block_of(&answer, COAP_OPT_BLOCK1);
        assert_int_equal(block.num, num);
        assert_int_equal(block.more, num < 9);
        assert_int_equal(site.runs, num < 9 ? 0 : 1);
    }
    assert_stored(600);
    assert_string_equal(site.seen, "format 42");
}

static void a_body_is_streamed(void **state) {
    (void)state;
    for (uint32_t num = 0; num < 5; num++) {
        struct answer answer = put_block(SERIAL, "modules/0", num, 6, 5000);
        assert_code(&answer, num < 4 ? COAP_231_CONTINUE : COAP_201_CREATED);
    }
    assert_int_equal(site.runs, 5);
    assert_stored(5000);
    assert_string_equal(site.abandoned, "");
}

static void a_body_in_one_message_needs_no_blocks(void **state) {
    (void)state;
    struct answer answer = PUT(.path = "modules/0", .payload = body, .len = 40);
    assert_code(&answer, COAP_201_CREATED);
    assert_int_equal(option_of(&answer, COAP_OPT_BLOCK1), -1);
    assert_stored(40);
    answer = PUT(.path = "config", .payload = body, .len = 1000);
    assert_code(&answer, COAP_204_CHANGED);
    assert_stored(1000);
}

static void a_block_out_of_order_is_refused_and_the_rest_goes_on(void **state) {
    (void)state;
    struct answer answer = put_block(SERIAL, "modules/0", 1, 6, 5000);
    assert_code(&answer, COAP_408_INCOMPLETE);
    (void)put_block(SERIAL, "modules/0", 0, 6, 5000);
    answer = put_block(SERIAL, "modules/0", 2, 6, 5000);
    assert_code(&answer, COAP_408_INCOMPLETE);
    answer = put_block(SERIAL, "modules/1", 1, 6, 5000); /* right number, other resource */
    assert_code(&answer, COAP_408_INCOMPLETE);
    for (uint32_t num = 1; num < 5; num++) {
        answer = put_block(SERIAL, "modules/0", num, 6, 5000);
    }
    assert_code(&answer, COAP_201_CREATED);
    assert_stored(5000);
}

static void a_repeated_block_is_answered_the_same_again(void **state) {
    (void)state;
    (void)put_block(SERIAL, "modules/0", 0, 6, 3000);
    (void)put_block(SERIAL, "modules/0", 1, 6, 3000);
    struct answer answer = put_block(SERIAL, "modules/0", 1, 6, 3000);
    assert_code(&answer, COAP_231_CONTINUE);
    (void)put_block(SERIAL, "modules/0", 2, 6, 3000);
    answer = put_block(SERIAL, "modules/0", 2, 6, 3000);
    assert_code(&answer, COAP_201_CREATED);
    assert_int_equal(site.runs, 3);
    assert_stored(3000);
}

static void block_0_starts_anew(void **state) {
    (void)state;
    (void)put_block(SERIAL, "modules/0", 0, 6, 5000);
    (void)put_block(SERIAL, "modules/0", 1, 6, 5000);
    struct answer answer = put_block(SERIAL, "modules/0", 0, 6, 5000);
    assert_code(&answer, COAP_231_CONTINUE);
    assert_string_equal(site.abandoned, "modules/0");
    for (uint32_t num = 1; num < 5; num++) {
        answer = put_block(SERIAL, "modules/0", num, 6, 5000);
    }
    assert_code(&answer, COAP_201_CREATED);
    assert_stored(5000);
}

static void another_client_has_to_wait(void **state) {
    (void)state;
    (void)put_block(SERIAL, "modules/0", 0, 6, 2000);
    fake_advance_us(2 * 1000000);
    struct answer answer = put_block(1, "modules/1", 0, 6, 2000);
    assert_code(&answer, COAP_503_UNAVAILABLE);
    assert_in_range(option_of(&answer, COAP_OPT_MAX_AGE), 3, 4);
    coap_upload_prove();
    fake_advance_us(18 * 1000000);
    answer = put_block(1, "modules/1", 0, 6, 2000);
    assert_code(&answer, COAP_503_UNAVAILABLE);
    assert_in_range(option_of(&answer, COAP_OPT_MAX_AGE), 40, 41);
    answer = PUT(.peer = 1, .path = "modules/0", .payload = "x", .len = 1); /* nor without Block1 */
    assert_code(&answer, COAP_503_UNAVAILABLE);
    answer = put_block(SERIAL, "modules/0", 1, 6, 2000);
    assert_code(&answer, COAP_201_CREATED);
    assert_stored(2000);
    answer = put_block(1, "modules/1", 0, 6, 2000);
    assert_code(&answer, COAP_231_CONTINUE);
}

static void an_upload_that_pauses_is_dropped(void **state) {
    (void)state;
    (void)put_block(SERIAL, "modules/0", 0, 6, 5000);
    fake_advance_us(59 * 1000000);
    struct answer answer = put_block(SERIAL, "modules/0", 1, 6, 5000);
    assert_code(&answer, COAP_231_CONTINUE);
    assert_string_equal(site.abandoned, "");
    fake_advance_us(60 * 1000000);
    assert_string_equal(site.abandoned, "modules/0");
    answer = put_block(SERIAL, "modules/0", 2, 6, 5000);
    assert_code(&answer, COAP_408_INCOMPLETE);
    answer = put_block(1, "modules/0", 0, 6, 5000);
    assert_code(&answer, COAP_231_CONTINUE);
}

static void a_body_that_is_too_large_is_refused_with_its_limit(void **state) {
    (void)state;
    struct answer answer = put_block(SERIAL, "config", 0, 6, 5000);
    assert_code(&answer, COAP_231_CONTINUE);
    answer = put_block(SERIAL, "config", 1, 6, 5000);
    assert_code(&answer, COAP_413_TOO_LARGE);
    assert_int_equal(option_of(&answer, COAP_OPT_SIZE1), COAP_REQUEST_BODY_MAX);
    assert_int_equal(option_of(&answer, COAP_OPT_BLOCK1), -1);
    struct coap_block first = {.more = true, .szx = 6};
    answer = PUT(.path = "config", .payload = body, .len = 1024, .block1 = &first, .size1 = 1 + 5000);
    assert_code(&answer, COAP_413_TOO_LARGE); /* said so in advance */
    assert_int_equal(site.runs, 0);
    answer =
        PUT(.path = "modules/0", .payload = body, .len = 1024, .block1 = &first, .size1 = 1 + 50000);
    assert_code(&answer, COAP_413_TOO_LARGE);
    assert_int_equal(option_of(&answer, COAP_OPT_SIZE1), sizeof site.stored);
    assert_string_equal(site.abandoned, "modules/0");
}

static void a_block_that_is_not_full_is_malformed(void **state) {
    (void)state;
    struct coap_block block = {.more = true, .szx = 6};
    struct answer answer = PUT(.path = "modules/0", .payload = body, .len = 1000, .block1 = &block);
    assert_code(&answer, COAP_400_BAD_REQUEST);
    block.szx = 7;
    answer = PUT(.path = "modules/0", .payload = body, .len = 1024, .block1 = &block);
    assert_code(&answer, COAP_400_BAD_REQUEST);
    answer = PUT(.path = "config",
                 .block1 = &((struct coap_block){.num = 5, .szx = 6})); /* empty, no upload */
    assert_code(&answer, COAP_408_INCOMPLETE);
    assert_int_equal(site.runs, 0);
}

static void block_size_may_change_between_blocks(void **state) {
    (void)state;
    (void)put_block(SERIAL, "modules/0", 0, 6, 2000);
    struct answer answer = {0};
    for (uint32_t num = 1024 / 256; num < 8; num++) {
        answer = put_block(SERIAL, "modules/0", num, 4, 2000);
    }
    assert_code(&answer, COAP_201_CREATED);
    assert_stored(2000);
}

#define T(test) cmocka_unit_test_setup(test, fresh)
#define B(test) cmocka_unit_test_setup(test, fresh_body)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_large_body_comes_in_blocks_of_one_copy),
        T(other_requests_do_not_disturb_a_transfer),
        T(block_size_can_be_negotiated_late),
        T(blocks_of_16_bytes_work),
        T(a_block_behind_the_end_is_refused),
        T(later_blocks_of_a_post_do_not_run_it_again),
        B(a_body_is_assembled),
        B(a_body_is_streamed),
        B(a_body_in_one_message_needs_no_blocks),
        B(a_block_out_of_order_is_refused_and_the_rest_goes_on),
        B(a_repeated_block_is_answered_the_same_again),
        B(block_0_starts_anew),
        B(another_client_has_to_wait),
        B(an_upload_that_pauses_is_dropped),
        B(a_body_that_is_too_large_is_refused_with_its_limit),
        B(a_block_that_is_not_full_is_malformed),
        B(block_size_may_change_between_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
