/* Options of requests and responses: what is understood, what is refused, and in which order it is sent.
 */
#include "cmocka_all.h"

#include <string.h>

#include "net/coap_options.h"

static struct coap_builder builder;
static uint8_t bytes[512];
static struct coap_options options;

static int fresh(void **state) {
    (void)state;
    coap_build(&builder, bytes, sizeof bytes, COAP_CON, 1, 1, NULL, 0);
    return 0;
}

static void put(uint16_t number, const char *value) {
    coap_build_option(&builder, number, value, strlen(value));
}

static void parse(void) {
    struct coap_pdu pdu;
    assert_int_equal(builder.status, WM_OK);
    assert_int_equal(coap_parse(bytes, builder.len, &pdu), WM_OK);
    coap_options_parse(&pdu, &options);
}

static void assert_fault(uint8_t code, uint16_t option) {
    parse();
    assert_int_equal(options.fault, code);
    assert_int_equal(options.option, option);
    assert_non_null(options.why);
}

#define CODE(class_, detail) (((class_) << 5) | (detail))

static void nothing_is_absent_not_zero(void **state) {
    (void)state;
    parse();
    assert_string_equal(options.path, "");
    assert_string_equal(options.query, "");
    assert_int_equal(options.format, -1);
    assert_int_equal(options.accept, -1);
    assert_int_equal(options.observe, -1);
    assert_false(options.has_block1 || options.has_block2);
    assert_int_equal(options.fault, 0);
}

static void everything_is_found(void **state) {
    (void)state;
    put(COAP_OPT_URI_HOST, "node.local");
    coap_build_uint(&builder, COAP_OPT_OBSERVE, 0);
    coap_build_uint(&builder, COAP_OPT_URI_PORT, 5683);
    put(COAP_OPT_URI_PATH, "out");
    put(COAP_OPT_URI_PATH, "0");
    put(COAP_OPT_URI_PATH, "features");
    coap_build_uint(&builder, COAP_OPT_CONTENT_FORMAT, 65001);
    put(COAP_OPT_URI_QUERY, "since=12");
    put(COAP_OPT_URI_QUERY, "x");
    coap_build_uint(&builder, COAP_OPT_ACCEPT, 60);
    coap_build_uint(&builder, COAP_OPT_BLOCK2, 0x2d);
    coap_build_uint(&builder, COAP_OPT_BLOCK1, 0xfffff6);
    coap_build_uint(&builder, COAP_OPT_SIZE1, 70000);
    parse();
    assert_int_equal(options.fault, 0);
    assert_string_equal(options.path, "out/0/features");
    assert_string_equal(options.query, "since=12&x");
    assert_int_equal(options.observe, 0);
    assert_int_equal(options.format, 65001);
    assert_int_equal(options.accept, 60);
    assert_int_equal(options.block2.num, 2);
    assert_true(options.block2.more);
    assert_int_equal(options.block2.szx, 5);
    assert_int_equal(options.block1.num, 0xfffff);
    assert_false(options.block1.more);
    assert_int_equal(coap_block_offset(&options.block1), 0x3ffffc00);
    assert_int_equal(options.size1, 70000);
}

static void unknown_elective_options_are_ignored(void **state) {
    (void)state;
    put(COAP_OPT_URI_PATH, "a");
    put(258, "no-response");
    put(65000, "");
    parse();
    assert_int_equal(options.fault, 0);
    assert_string_equal(options.path, "a");
}

static void unknown_critical_options_are_named(void **state) {
    (void)state;
    put(COAP_OPT_URI_PATH, "a");
    put(65001, "");
    put(65003, "");
    assert_fault(CODE(4, 2), 65001);
}

static void conditions_are_seen(void **state) {
    (void)state;
    put(COAP_OPT_IF_MATCH, "etag");
    put(COAP_OPT_IF_MATCH, "");
    put(COAP_OPT_ETAG, "a");
    put(COAP_OPT_ETAG, "12345678");
    put(COAP_OPT_IF_NONE_MATCH, "");
    parse();
    assert_int_equal(options.fault, 0);
    assert_true(options.has_if_match && options.if_none_match && options.has_etag);
    fresh(state);
    put(COAP_OPT_IF_MATCH, "123456789");
    assert_fault(CODE(4, 2), COAP_OPT_IF_MATCH);
    fresh(state);
    put(COAP_OPT_ETAG, ""); /* elective, at least one byte */
    parse();
    assert_false(options.has_etag);
    fresh(state);
    put(COAP_OPT_IF_NONE_MATCH, "");
    put(COAP_OPT_IF_NONE_MATCH, "");
    assert_fault(CODE(4, 2), COAP_OPT_IF_NONE_MATCH);
}

static uint32_t tag_of(const char *first, const char *second) {
    fresh(NULL);
    if (first != NULL) {
        put(COAP_OPT_REQUEST_TAG, first);
    }
    if (second != NULL) {
        put(COAP_OPT_REQUEST_TAG, second);
    }
    parse();
    assert_int_equal(options.fault, 0);
    return options.request_tag;
}

static void request_tags_differ_by_number_length_and_value(void **state) {
    (void)state;
    const uint32_t tags[] = {tag_of(NULL, NULL), tag_of("", NULL),   tag_of("", ""),  tag_of("a", NULL),
                             tag_of("b", NULL),  tag_of("ab", NULL), tag_of("a", "b")};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(tags[i], tags[j]);
        }
    }
    assert_int_equal(tag_of("ab", NULL), tags[5]);
    assert_int_equal(tag_of("123456789", NULL), tags[0]); /* nine bytes: elective, ignored */
}

static void an_illegal_length_is_like_an_unknown_option(void **state) {
    (void)state;
    put(COAP_OPT_BLOCK2, "four");
    assert_fault(CODE(4, 2), COAP_OPT_BLOCK2);
    fresh(state);
    put(COAP_OPT_URI_HOST, "");
    assert_fault(CODE(4, 2), COAP_OPT_URI_HOST);
    fresh(state);
    put(COAP_OPT_CONTENT_FORMAT, "abc"); /* elective */
    parse();
    assert_int_equal(options.fault, 0);
    assert_int_equal(options.format, -1);
}

static void an_illegal_repetition_is_like_an_unknown_option(void **state) {
    (void)state;
    coap_build_uint(&builder, COAP_OPT_ACCEPT, 60);
    coap_build_uint(&builder, COAP_OPT_ACCEPT, 0);
    assert_fault(CODE(4, 2), COAP_OPT_ACCEPT);
    fresh(state);
    coap_build_uint(&builder, COAP_OPT_OBSERVE, 1); /* elective: the first one counts */
    coap_build_uint(&builder, COAP_OPT_OBSERVE, 0);
    parse();
    assert_int_equal(options.fault, 0);
    assert_int_equal(options.observe, 1);
}

static void a_path_cannot_pass_for_another(void **state) {
    (void)state;
    put(COAP_OPT_URI_PATH, "modules/0");
    assert_fault(CODE(4, 4), 0);
    fresh(state);
    coap_build_option(&builder, COAP_OPT_URI_PATH, "no\0de", 5);
    assert_fault(CODE(4, 4), 0);
    fresh(state);
    put(COAP_OPT_URI_QUERY, "a&b");
    assert_fault(CODE(4, 0), 0);
}

static void empty_segments_stay_visible(void **state) {
    (void)state;
    put(COAP_OPT_URI_PATH, "a");
    put(COAP_OPT_URI_PATH, "");
    put(COAP_OPT_URI_PATH, "");
    put(COAP_OPT_URI_PATH, "b");
    parse();
    assert_string_equal(options.path, "a///b");
    fresh(state);
    put(COAP_OPT_URI_PATH, "");
    put(COAP_OPT_URI_PATH, "a");
    parse();
    assert_string_equal(options.path, "/a");
}

static void the_longest_path_fits_and_no_longer_one(void **state) {
    (void)state;
    char segment[COAP_PATH_MAX + 2];
    memset(segment, 'p', sizeof segment);
    coap_build_option(&builder, COAP_OPT_URI_PATH, segment, COAP_PATH_MAX);
    parse();
    assert_int_equal(options.fault, 0);
    assert_int_equal(strlen(options.path), COAP_PATH_MAX);
    fresh(state);
    coap_build_option(&builder, COAP_OPT_URI_PATH, segment, COAP_PATH_MAX + 1);
    assert_fault(CODE(4, 4), 0);
    fresh(state);
    coap_build_option(&builder, COAP_OPT_URI_PATH, segment, COAP_PATH_MAX - 1);
    coap_build_option(&builder, COAP_OPT_URI_PATH, segment, 1);
    assert_fault(CODE(4, 4), 0);
    fresh(state);
    coap_build_option(&builder, COAP_OPT_URI_QUERY, segment, COAP_QUERY_MAX + 1);
    assert_fault(CODE(4, 0), 0);
}

static void block_size_7_is_refused(void **state) {
    (void)state;
    coap_build_uint(&builder, COAP_OPT_BLOCK1, 7);
    assert_fault(CODE(4, 0), 0);
    fresh(state);
    coap_build_uint(&builder, COAP_OPT_BLOCK2, 0x17);
    assert_fault(CODE(4, 0), 0);
}

static void a_node_is_no_proxy(void **state) {
    (void)state;
    put(COAP_OPT_PROXY_URI, "coap://elsewhere/");
    assert_fault(CODE(5, 5), COAP_OPT_PROXY_URI);
}

static void a_long_proxy_uri_is_one_too(void **state) {
    (void)state;
    char uri[300];
    memset(uri, 'u', sizeof uri);
    coap_build_option(&builder, COAP_OPT_PROXY_URI, uri, sizeof uri);
    assert_fault(CODE(5, 5), COAP_OPT_PROXY_URI);
}

static void a_location_is_one_option_a_segment(void **state) {
    (void)state;
    struct coap_reply reply = COAP_REPLY_INIT;
    reply.code = CODE(2, 1);
    reply.format = 0;
    reply.location = "jobs/7?a=1&b";
    coap_reply_build(&reply, &builder);
    static const char expected[] = "\x40\x41\x00\x01"
                                   "\x84jobs\x01"
                                   "7"    /* Location-Path */
                                   "\x40" /* Content-Format */
                                   "\x83" /* Location-Query */
                                   "a=1\x01"
                                   "b";
    assert_int_equal(builder.status, WM_OK);
    assert_int_equal(builder.len, sizeof expected - 1);
    assert_memory_equal(bytes, expected, builder.len);
}

static void a_reply_is_written_in_ascending_order(void **state) {
    (void)state;
    struct coap_reply reply = COAP_REPLY_INIT;
    reply.code = CODE(2, 5);
    reply.has_etag = reply.has_block1 = reply.has_block2 = true;
    reply.etag = 0x01020304;
    reply.observe = 0;
    reply.format = 0;
    reply.max_age_s = 60;
    reply.size1 = 1;
    reply.size2 = 2;
    reply.block2 = (struct coap_block){.num = 1, .more = true, .szx = 6};
    reply.block1 = (struct coap_block){.szx = 2};
    reply.payload = (const uint8_t *)"x";
    reply.len = 1;
    coap_reply_build(&reply, &builder);
    assert_int_equal(builder.status, WM_OK);
    static const char expected[] = "\x40\x45\x00\x01"
                                   "\x44\x01\x02\x03\x04" /* ETag */
                                   "\x20"                 /* Observe 0 */
                                   "\x60"                 /* Content-Format 0 */
                                   "\x21\x3c"             /* Max-Age */
                                   "\x91\x1e"             /* Block2 */
                                   "\x41\x02"             /* Block1 */
                                   "\x11\x02"             /* Size2 */
                                   "\xd1\x13\x01"         /* Size1 */
                                   "\xffx";
    assert_int_equal(builder.len, sizeof expected - 1);
    assert_memory_equal(bytes, expected, builder.len);
}

#define T(test) cmocka_unit_test_setup(test, fresh)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(nothing_is_absent_not_zero),
        T(everything_is_found),
        T(unknown_elective_options_are_ignored),
        T(unknown_critical_options_are_named),
        T(conditions_are_seen),
        T(request_tags_differ_by_number_length_and_value),
        T(an_illegal_length_is_like_an_unknown_option),
        T(an_illegal_repetition_is_like_an_unknown_option),
        T(a_path_cannot_pass_for_another),
        T(empty_segments_stay_visible),
        T(the_longest_path_fits_and_no_longer_one),
        T(block_size_7_is_refused),
        T(a_node_is_no_proxy),
        T(a_long_proxy_uri_is_one_too),
        T(a_location_is_one_option_a_segment),
        T(a_reply_is_written_in_ascending_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
