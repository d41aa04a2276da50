/* CoAP messages as bytes. Each parser mistake that was made elsewhere has its test: the names below say
 * what would have gone wrong. Messages are parsed from exact-size heap copies, so that
 * AddressSanitizer sees a single byte read or written beyond them. */
/* Mistakes that other parsers made, and where it is shown that this one does not:
 *
 * nibble 13 or 14 without its extension      nibbles_13_and_14_need_their_extension
 * extended length that wraps 16 bits         an_extended_length_does_not_wrap
 * token length 9 to 15 accepted              token_lengths_9_to_15_are_refused
 * token longer than the packet               a_token_longer_than_the_packet_is_refused
 * more options than a fixed array holds      any_number_of_options_is_walked
 * option number that wraps 65535             option_numbers_do_not_wrap
 * a bound that only assert() holds           an_option_longer_than_the_packet_is_refused,
 * every_prefix_is_safe
 * /.well-known/core over its buffer          test_coap_wellknown:
 * a_list_that_is_too_long_ends_with_a_whole_link packet under four bytes
 * a_packet_under_four_bytes_is_ignored NUL written at data[len]                   nothing_is_copied
 * (from a buffer of exactly len bytes) Block1 that leads to NULL                  test_coap_upload:
 * the_same_wrong_blocks_are_refused_when_... length nibble 15 accepted nibble_15_is_refused payload
 * marker without payload             a_payload_marker_needs_a_payload uninitialised options freed after
 * an error after_an_error_nothing_is_left_half_parsed a builder that checks after writing
 * the_builder_checks_before_it_writes
 */
#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "net/coap_pdu.h"

static uint8_t *exact;
static struct coap_pdu pdu;

static int free_exact(void **state) {
    (void)state;
    free(exact);
    exact = NULL;
    return 0;
}

static wm_status parse(const void *bytes, size_t len) {
    free(exact);
    exact = malloc(len > 0 ? len : 1);
    memcpy(exact, bytes, len);
    return coap_parse(exact, len, &pdu);
}

#define PARSE(bytes) parse(bytes, sizeof(bytes) - 1)

/* ---- what is well-formed ---------------------------------------------------------------- */

static void a_request_comes_apart(void **state) {
    (void)state;
    struct coap_option_walk walk;
    struct coap_option option;
    assert_int_equal(PARSE("\x42\x01\x12\x34\xab\xcd\xb4"
                           "node\x81\x00\xff"
                           "body"),
                     WM_OK);
    assert_int_equal(pdu.type, COAP_CON);
    assert_int_equal(pdu.code, 1);
    assert_int_equal(pdu.mid, 0x1234);
    assert_int_equal(pdu.token_len, 2);
    assert_memory_equal(pdu.token, "\xab\xcd", 2);
    assert_int_equal(pdu.payload_len, 4);
    assert_memory_equal(pdu.payload, "body", 4);
    coap_option_walk_init(&walk, &pdu);
    assert_int_equal(coap_option_next(&walk, &option), WM_OK);
    assert_int_equal(option.number, COAP_OPT_URI_PATH);
    assert_int_equal(option.len, 4);
    assert_memory_equal(option.value, "node", 4);
    assert_int_equal(coap_option_next(&walk, &option), WM_OK);
    assert_int_equal(option.number, 19);
    assert_int_equal(coap_option_next(&walk, &option), WM_ENOENT);
    assert_int_equal(coap_option_next(&walk, &option), WM_ENOENT);
}

static void nothing_is_copied(void **state) {
    (void)state;
    assert_int_equal(PARSE("\x41\x01\x00\x01\x77\xb1"
                           "a\xff"
                           "p"),
                     WM_OK);
    assert_ptr_equal(pdu.token, exact + 4);
    assert_ptr_equal(pdu.options, exact + 5);
    assert_ptr_equal(pdu.payload, exact + 8);
}

static void option_values_are_unsigned_integers(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x01, 0x02, 0xff, 0xff};
    assert_int_equal(coap_option_uint(&(struct coap_option){.value = bytes, .len = 0}), 0);
    assert_int_equal(coap_option_uint(&(struct coap_option){.value = bytes, .len = 3}), 0x102);
    assert_int_equal(coap_option_uint(&(struct coap_option){.value = bytes + 1, .len = 4}), 0x102ffff);
}

static void extended_deltas_and_lengths_are_read(void **state) {
    (void)state;
    static uint8_t message[4 + 1 + 1 + 2 + 300] = {0x40, 0x01, 0, 1, 0xde, 200 - 13, 0, 300 - 269};
    struct coap_option_walk walk;
    struct coap_option option;
    message[6] = 0;
    message[7] = 300 - 269;
    assert_int_equal(parse(message, sizeof message), WM_OK);
    coap_option_walk_init(&walk, &pdu);
    assert_int_equal(coap_option_next(&walk, &option), WM_OK);
    assert_int_equal(option.number, 200);
    assert_int_equal(option.len, 300);
}

/* ---- mistakes made elsewhere ------------------------------------------------------------ */

static void a_packet_under_four_bytes_is_ignored(void **state) {
    (void)state;
    for (size_t len = 0; len < 4; len++) {
        assert_int_equal(parse("\x40\x01\x00", len), WM_ENOTSUP);
    }
}

static void other_versions_are_ignored(void **state) {
    (void)state;
    assert_int_equal(PARSE("\x00\x01\x00\x01"), WM_ENOTSUP);
    assert_int_equal(PARSE("\x80\x01\x00\x01"), WM_ENOTSUP);
    assert_int_equal(PARSE("\xc0\x01\x00\x01"), WM_ENOTSUP);
}

static void token_lengths_9_to_15_are_refused(void **state) {
    (void)state;
    uint8_t message[32] = {0, 1, 0, 7};
    for (uint8_t token_len = 0; token_len < 16; token_len++) {
        message[0] = 0x40 | token_len;
        assert_int_equal(parse(message, 4 + token_len), token_len <= 8 ? WM_OK : WM_EINVAL);
        assert_int_equal(pdu.mid, 7); /* known, so that it can be rejected */
    }
}

static void a_token_longer_than_the_packet_is_refused(void **state) {
    (void)state;
    assert_int_equal(PARSE("\x44\x01\x00\x01"
                           "abc"),
                     WM_EINVAL);
    assert_int_equal(PARSE("\x48\x01\x00\x01"), WM_EINVAL);
}

static void nibbles_13_and_14_need_their_extension(void **state) {
    (void)state;
    assert_int_equal(PARSE("\x40\x01\x00\x01\xd0"), WM_EINVAL);
    assert_int_equal(PARSE("\x40\x01\x00\x01\x0d"), WM_EINVAL);
    assert_int_equal(PARSE("\x40\x01\x00\x01\xe0"), WM_EINVAL);
    assert_int_equal(PARSE("\x40\x01\x00\x01\xe0\x00"), WM_EINVAL);
    assert_int_equal(PARSE("\x40\x01\x00\x01\x0e\x00"), WM_EINVAL);
    assert_int_equal(PARSE("\x40\x01\x00\x01\xdd\x00"), WM_EINVAL);
    assert_int_equal(PARSE("\x40\x01\x00\x01\xee\x00\x00\x00"), WM_EINVAL);
}

static void nibble_15_is_refused(void **state) {
    (void)state;
    assert_int_equal(PARSE("\x40\x01\x00\x01\x1f"
                           "0123456789abcdef"),
                     WM_EINVAL);
    assert_int_equal(PARSE("\x40\x01\x00\x01\xf1"
                           "0123456789abcdef"),
                     WM_EINVAL);
}

static void an_extended_length_does_not_wrap(void **state) {
    (void)state;
    /* 269 + 65535 = 65804: in 16 bits that would be 268, which is there. */
    static uint8_t message[4 + 3 + 300] = {0x40, 0x01, 0, 1, 0x0e, 0xff, 0xff};
    assert_int_equal(parse(message, sizeof message), WM_EINVAL);
    message[5] = 0xfe;
    message[6] = 0xf3; /* 269 + 65267 = 65536 = 0 in 16 bits */
    assert_int_equal(parse(message, sizeof message), WM_EINVAL);
}

static void option_numbers_do_not_wrap(void **state) {
    (void)state;
    assert_int_equal(PARSE("\x40\x01\x00\x01\xe0\xfe\xf2"), WM_OK); /* 269 + 65266 = 65535 */
    assert_int_equal(PARSE("\x40\x01\x00\x01\xe0\xfe\xf3"), WM_EINVAL);
    assert_int_equal(PARSE("\x40\x01\x00\x01\xe0\xff\xff"), WM_EINVAL);
    assert_int_equal(PARSE("\x40\x01\x00\x01\xe0\xfe\xf2\x10"), WM_EINVAL);
}

static void an_option_longer_than_the_packet_is_refused(void **state) {
    (void)state;
    assert_int_equal(PARSE("\x40\x01\x00\x01\xb2"
                           "a"),
                     WM_EINVAL);
    assert_int_equal(PARSE("\x40\x01\x00\x01\xbd\x00"
                           "123456789012"),
                     WM_EINVAL);
}

static void any_number_of_options_is_walked(void **state) {
    (void)state;
    static uint8_t message[4 + 1100] = {0x40, 0x01, 0, 1, 0xb0}; /* Uri-Path "", repeated with delta 0 */
    struct coap_option_walk walk;
    struct coap_option option;
    size_t count = 0;
    assert_int_equal(parse(message, sizeof message), WM_OK);
    coap_option_walk_init(&walk, &pdu);
    while (coap_option_next(&walk, &option) == WM_OK) {
        count++;
    }
    assert_int_equal(count, 1100);
}

static void a_payload_marker_needs_a_payload(void **state) {
    (void)state;
    assert_int_equal(PARSE("\x40\x01\x00\x01\xff"), WM_EINVAL);
    assert_int_equal(PARSE("\x40\x01\x00\x01\xb1"
                           "a\xff"),
                     WM_EINVAL);
    assert_int_equal(PARSE("\x40\x01\x00\x01\xff\xff"), WM_OK);
    assert_int_equal(pdu.payload_len, 1);
}

static void an_empty_message_is_four_bytes(void **state) {
    (void)state;
    assert_int_equal(PARSE("\x40\x00\x00\x01"), WM_OK);
    assert_int_equal(PARSE("\x41\x00\x00\x01\x11"), WM_EINVAL);
    assert_int_equal(PARSE("\x40\x00\x00\x01\xb0"), WM_EINVAL);
    assert_int_equal(PARSE("\x40\x00\x00\x01\xff"
                           "a"),
                     WM_EINVAL);
}

static void reserved_classes_are_refused(void **state) {
    (void)state;
    uint8_t message[] = {0x40, 0, 0, 1};
    for (unsigned code = 1; code < 256; code++) {
        unsigned class_ = code >> 5;
        message[1] = (uint8_t)code;
        assert_int_equal(parse(message, 4),
                         class_ == 1 || class_ == 3 || class_ == 6 || class_ == 7 ? WM_EINVAL : WM_OK);
    }
}

static void after_an_error_nothing_is_left_half_parsed(void **state) {
    (void)state;
    memset(&pdu, 0xa5, sizeof pdu);
    assert_int_equal(PARSE("\x4f\x01\x00\x01"
                           "0123456789"),
                     WM_EINVAL);
    assert_null(pdu.token);
    assert_null(pdu.options);
    assert_null(pdu.payload);
    assert_int_equal(pdu.options_len, 0);
    assert_int_equal(pdu.payload_len, 0);
}

static void every_prefix_is_safe(void **state) {
    (void)state;
    static const char whole[] = "\x44\x03\x12\x34tokn\xbd\x02"
                                "modules/0/state\xd1\x03\x55\xe2\x00\x01xy\xff"
                                "data";
    for (size_t len = 0; len < sizeof whole; len++) {
        wm_status status = parse(whole, len);
        assert_true(status == WM_OK || status == WM_EINVAL || status == WM_ENOTSUP);
        if (status == WM_OK) {
            assert_true(pdu.payload_len == 0 || pdu.payload + pdu.payload_len == exact + len);
        }
    }
}

/* ---- builder ---------------------------------------------------------------------------- */

static uint8_t out[64];

static void a_response_is_built(void **state) {
    (void)state;
    static const char expected[] = "\x62\x45\x12\x34\xab\xcd\xc1\x3c\x21\x05\xff"
                                   "hi";
    struct coap_builder builder;
    coap_build(&builder, out, sizeof out, COAP_ACK, 0, 0x1234, (const uint8_t *)"\xab\xcd", 2);
    coap_build_set_code(&builder, 0x45);
    coap_build_uint(&builder, COAP_OPT_CONTENT_FORMAT, 60);
    coap_build_uint(&builder, COAP_OPT_MAX_AGE, 5);
    coap_build_payload(&builder, "hi", 2);
    assert_int_equal(builder.status, WM_OK);
    assert_int_equal(builder.len, sizeof expected - 1);
    assert_memory_equal(out, expected, builder.len);
}

static void integers_take_the_shortest_form(void **state) {
    (void)state;
    static const struct {
        uint32_t value;
        size_t len;
    } rows[] = {{0, 0},     {1, 1},     {255, 1},      {256, 2},
                {65535, 2}, {65536, 3}, {0xffffff, 3}, {0x1000000, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct coap_builder builder;
        coap_build(&builder, out, sizeof out, COAP_NON, 0x45, 1, NULL, 0);
        coap_build_uint(&builder, 6, rows[i].value);
        assert_int_equal(builder.len, 5 + rows[i].len);
    }
}

/* Each delta and length around the edges of its forms comes back as it was. */
static void option_headers_survive_the_round_trip(void **state) {
    (void)state;
    static const uint16_t edges[] = {0, 1, 12, 13, 14, 268, 269, 270, 1000};
    static const uint16_t numbers[] = {0, 12, 13, 268, 269, 65534, 65535};
    static uint8_t value[1000], big[1100];
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        for (size_t j = 0; j < sizeof numbers / sizeof numbers[0]; j++) {
            struct coap_builder builder;
            struct coap_option_walk walk;
            struct coap_option option;
            coap_build(&builder, big, sizeof big, COAP_CON, 1, 1, NULL, 0);
            coap_build_option(&builder, numbers[j], value, edges[i]);
            assert_int_equal(builder.status, WM_OK);
            assert_int_equal(parse(big, builder.len), WM_OK);
            coap_option_walk_init(&walk, &pdu);
            assert_int_equal(coap_option_next(&walk, &option), WM_OK);
            assert_int_equal(option.number, numbers[j]);
            assert_int_equal(option.len, edges[i]);
        }
    }
}

static void the_builder_checks_before_it_writes(void **state) {
    (void)state;
    static uint8_t full[40];
    for (size_t cap = 0; cap < 26; cap++) {
        struct coap_builder builder;
        uint8_t *small = malloc(cap > 0 ? cap : 1); /* ASan guards its end */
        coap_build(&builder, small, cap, COAP_ACK, 0x45, 1, (const uint8_t *)"tok", 3);
        coap_build_option(&builder, COAP_OPT_ETAG, "etag", 4);
        coap_build_option(&builder, 8, full, 5);
        coap_build_payload(&builder, "payload", 7);
        assert_int_equal(builder.status, WM_ENOMEM);
        assert_in_range(builder.len, 0, cap);
        free(small);
    }
}

static void the_first_error_sticks(void **state) {
    (void)state;
    struct coap_builder builder;
    coap_build(&builder, out, 8, COAP_ACK, 0x45, 1, NULL, 0);
    coap_build_option(&builder, 4, "too long", 8);
    assert_int_equal(builder.status, WM_ENOMEM);
    coap_build_option(&builder, 5, NULL, 0); /* would fit */
    coap_build_payload(&builder, "x", 1);
    assert_int_equal(builder.len, 4);
    assert_int_equal(builder.status, WM_ENOMEM);
}

static void options_must_ascend_and_precede_the_payload(void **state) {
    (void)state;
    struct coap_builder builder;
    coap_build(&builder, out, sizeof out, COAP_ACK, 0x45, 1, NULL, 0);
    coap_build_uint(&builder, COAP_OPT_MAX_AGE, 1);
    coap_build_uint(&builder, COAP_OPT_CONTENT_FORMAT, 1);
    assert_int_equal(builder.status, WM_EINVAL);
    coap_build(&builder, out, sizeof out, COAP_ACK, 0x45, 1, NULL, 0);
    coap_build_payload(&builder, "x", 1);
    coap_build_uint(&builder, COAP_OPT_MAX_AGE, 1);
    assert_int_equal(builder.status, WM_EINVAL);
    coap_build(&builder, out, sizeof out, COAP_ACK, 0x45, 1, NULL, 0);
    coap_build_payload(&builder, "x", 1);
    coap_build_payload(&builder, "y", 1);
    assert_int_equal(builder.status, WM_EINVAL);
    coap_build(&builder, out, sizeof out, COAP_ACK, 0x45, 1, (const uint8_t *)"123456789", 9);
    assert_int_equal(builder.status, WM_EINVAL);
    assert_int_equal(builder.len, 0);
}

static void an_empty_payload_has_no_marker(void **state) {
    (void)state;
    struct coap_builder builder;
    coap_build(&builder, out, sizeof out, COAP_ACK, 0x44, 1, NULL, 0);
    coap_build_payload(&builder, NULL, 0);
    assert_int_equal(builder.len, 4);
}

static void huge_lengths_do_not_wrap_the_builder(void **state) {
    (void)state;
    struct coap_builder builder;
    coap_build(&builder, out, sizeof out, COAP_ACK, 0x45, 1, NULL, 0);
    coap_build_payload(&builder, out, SIZE_MAX);
    assert_int_equal(builder.status, WM_ENOMEM);
    coap_build(&builder, out, sizeof out, COAP_ACK, 0x45, 1, NULL, 0);
    coap_build_option(&builder, 1, out, SIZE_MAX);
    assert_int_equal(builder.status, WM_EINVAL);
}

#define T(test) cmocka_unit_test_teardown(test, free_exact)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_request_comes_apart),
        T(nothing_is_copied),
        T(option_values_are_unsigned_integers),
        T(extended_deltas_and_lengths_are_read),
        T(a_packet_under_four_bytes_is_ignored),
        T(other_versions_are_ignored),
        T(token_lengths_9_to_15_are_refused),
        T(a_token_longer_than_the_packet_is_refused),
        T(nibbles_13_and_14_need_their_extension),
        T(nibble_15_is_refused),
        T(an_extended_length_does_not_wrap),
        T(option_numbers_do_not_wrap),
        T(an_option_longer_than_the_packet_is_refused),
        T(any_number_of_options_is_walked),
        T(a_payload_marker_needs_a_payload),
        T(an_empty_message_is_four_bytes),
        T(reserved_classes_are_refused),
        T(after_an_error_nothing_is_left_half_parsed),
        T(every_prefix_is_safe),
        T(a_response_is_built),
        T(integers_take_the_shortest_form),
        T(option_headers_survive_the_round_trip),
        T(the_builder_checks_before_it_writes),
        T(the_first_error_sticks),
        T(options_must_ascend_and_precede_the_payload),
        T(an_empty_payload_has_no_marker),
        T(huge_lengths_do_not_wrap_the_builder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
