/* CBOR: the examples of RFC 8949 appendix A that this codec covers, and what must be refused. */
#include "cmocka_all.h"

#include <math.h>
#include <string.h>

#include "core/cbor.h"

static struct cbor_in in_of(const void *bytes, size_t len) {
    struct cbor_in in;
    cbor_in_init(&in, bytes, len);
    return in;
}

static void assert_encoded(const struct cbor_out *out, const char *expected, size_t len) {
    assert_false(out->overflow);
    assert_int_equal(out->len, len);
    assert_memory_equal(out->bytes, expected, len);
}

static void integers_take_the_shortest_form(void **state) {
    (void)state;
    static const struct {
        int64_t value;
        const char *bytes;
        size_t len;
    } rows[] = {
        {0, "\x00", 1},
        {23, "\x17", 1},
        {24, "\x18\x18", 2},
        {1000, "\x19\x03\xe8", 3},
        {1000000, "\x1a\x00\x0f\x42\x40", 5},
        {1000000000000, "\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00", 9},
        {-1, "\x20", 1},
        {-1000, "\x39\x03\xe7", 3},
        {INT64_MIN, "\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", 9},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[16];
        struct cbor_out out;
        cbor_out_init(&out, bytes, sizeof bytes);
        cbor_put_int(&out, rows[i].value);
        assert_encoded(&out, rows[i].bytes, rows[i].len);
        struct cbor_in in = in_of(bytes, out.len);
        assert_true(cbor_get_int(&in) == rows[i].value);
        assert_true(cbor_at_end(&in) && !in.error);
    }
}

static void strings_and_containers_encode(void **state) {
    (void)state;
    uint8_t bytes[64];
    struct cbor_out out;
    cbor_out_init(&out, bytes, sizeof bytes);
    cbor_put_map(&out, 2);
    cbor_put_uint(&out, 1);
    cbor_put_array(&out, 2);
    cbor_put_text(&out, "IETF");
    cbor_put_bytes(&out, "\x01\x02", 2);
    cbor_put_uint(&out, 2);
    cbor_put_bool(&out, true);
    assert_encoded(&out, "\xa2\x01\x82\x64IETF\x42\x01\x02\x02\xf5", 13);
}

static void typed_arrays_are_little_endian(void **state) {
    (void)state;
    uint8_t bytes[16];
    struct cbor_out out;
    const float values[] = {1.0f, -2.5f};
    cbor_out_init(&out, bytes, sizeof bytes);
    cbor_put_f32_array(&out, values, 2);
    assert_encoded(&out, "\xd8\x55\x48\x00\x00\x80\x3f\x00\x00\x20\xc0", 11);
}

static void an_encoder_never_overruns(void **state) {
    (void)state;
    uint8_t bytes[8];
    for (size_t cap = 0; cap < 5; cap++) {
        struct cbor_out out;
        memset(bytes, 0xaa, sizeof bytes);
        cbor_out_init(&out, bytes, cap);
        cbor_put_text(&out, "IETF");
        assert_true(out.overflow);
        assert_int_equal(bytes[cap], 0xaa);
        cbor_put_uint(&out, 1); /* sticky: nothing is written behind the gap */
        assert_true(out.overflow);
    }
}

static void numbers_of_every_width_decode(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        double value;
    } rows[] = {
        {"\xf9\x00\x00", 3, 0.0},
        {"\xf9\x3c\x00", 3, 1.0},
        {"\xf9\x7b\xff", 3, 65504.0},
        {"\xf9\x00\x01", 3, 5.960464477539063e-8},
        {"\xf9\xc4\x00", 3, -4.0},
        {"\xfa\x47\xc3\x50\x00", 5, 100000.0},
        {"\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a", 9, 1.1},
        {"\x19\x03\xe8", 3, 1000.0},
        {"\x29", 1, -10.0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cbor_in in = in_of(rows[i].bytes, rows[i].len);
        assert_true(cbor_get_number(&in) == rows[i].value);
        assert_true(!in.error && cbor_at_end(&in));
    }
    struct cbor_in in = in_of("\xf9\x7e\x00", 3);
    assert_true(isnan(cbor_get_number(&in)));
    in = in_of("\xf9\xfc\x00", 3);
    assert_true(isinf(cbor_get_number(&in)));
}

static void every_truncation_is_an_error(void **state) {
    (void)state;
    static const uint8_t whole[] = {0xa2, 0x01, 0x82, 0x64, 'I',  'E',  'T',  'F', 0x42,
                                    0x01, 0x02, 0x02, 0xfa, 0x47, 0xc3, 0x50, 0x00};
    struct cbor_in in = in_of(whole, sizeof whole);
    cbor_skip(&in);
    assert_true(!in.error && cbor_at_end(&in));
    for (size_t len = 0; len < sizeof whole; len++) {
        in = in_of(whole, len);
        cbor_skip(&in);
        assert_true(in.error);
    }
}

static void lies_about_length_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", 9},          /* a string of 2^64-1 bytes */
        {"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", 9},          /* an array of as many items */
        {"\xbb\x80\x00\x00\x00\x00\x00\x00\x01\x00", 10},     /* a map whose pairs x 2 wrap */
        {"\x5f\x41\x00\xff", 4},                              /* indefinite length */
        {"\x1c", 1},                                          /* reserved */
        {"\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x00", 11}, /* too deep */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cbor_in in = in_of(rows[i].bytes, rows[i].len);
        cbor_skip(&in);
        assert_true(in.error);
    }
}

static void text_is_utf8(void **state) {
    (void)state;
    struct cbor_in in;
    size_t len;
    cbor_in_init(&in, "\x63\xe2\x82\xac\x61\xff", 6);
    assert_non_null(cbor_get_text(&in, &len));
    assert_int_equal(len, 3);
    assert_null(cbor_get_text(&in, &len));
    assert_true(in.error);
}

static void a_tag_of_any_number_is_stepped_over(void **state) {
    (void)state;
    struct cbor_in in;
    cbor_in_init(&in, "\xd9\xd9\xf7\x00", 4);
    cbor_skip(&in);
    assert_false(in.error);
    assert_true(cbor_at_end(&in));
}

static void only_two_bytes_are_booleans(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"\xf8\x15", 2},     /* true, in a form that is none */
        {"\xf9\x00\x15", 3}, /* floats whose bits are 21 */
        {"\xfa\x00\x00\x00\x15", 5},
        {"\xfb\x00\x00\x00\x00\x00\x00\x00\x15", 9},
        {"\xf6", 1},
        {"\x15", 1},
        {"", 0},
    };
    struct cbor_in in = in_of("\xf5\xf4", 2);
    assert_true(cbor_get_bool(&in));
    assert_false(cbor_get_bool(&in));
    assert_true(!in.error && cbor_at_end(&in));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        in = in_of(rows[i].bytes, rows[i].len);
        assert_false(cbor_get_bool(&in));
        assert_true(in.error);
    }
}

static void what_is_passed_over_is_well_formed(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        bool good;
    } rows[] = {
        {"\xf8\x20", 2, true},  /* a simple value that nobody knows */
        {"\xf8\x1f", 2, false}, /* RFC 8949 section 3.3 */
        {"\x81\xf8\x00", 3, false},
        {"\x62\xc3\xbc", 3, true},
        {"\x61\xff", 2, false},                 /* no UTF-8 */
        {"\x82\x00\x63\xed\xa0\x80", 6, false}, /* a surrogate */
        {"\xa2\x00\x00\x01\x00", 5, true},
        {"\xa2\x00\x00\x20\x00", 5, true},          /* 0 and -1 */
        {"\xa2\x00\x00\x18\x00\x00", 6, false},     /* 0 twice, in two widths */
        {"\xa2\x61\x61\x00\x61\x61\x00", 7, false}, /* "a" twice */
        {"\xa2\x61\x61\x00\x61\x62\x00", 7, true},
        {"\x81\xa1\x05\xa2\x00\x00\x00\x01", 8, false}, /* deep within */
        {"\xa3\x00\x82\xa1\x01\x01\x01\x01\x00\x02\x00", 11, true},
        {"\xa1\xf4\x00", 3, false}, /* keys are integers and texts */
        {"\xa1\x41\x00\x00", 4, false},
        {"\x81\x81\x81\x81\x81\x81\x81\x81\x00", 9, true},
        {"\x81\x81\x81\x81\x81\x81\x81\x81\x80", 9, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cbor_in in = in_of(rows[i].bytes, rows[i].len);
        cbor_skip(&in);
        assert_int_equal(!in.error && cbor_at_end(&in), rows[i].good);
        cbor_in_whole(&in, rows[i].bytes, rows[i].len);
        assert_int_equal(!in.error, rows[i].good);
    }
}

static void a_body_is_one_item(void **state) {
    (void)state;
    struct cbor_in in;
    cbor_in_whole(&in, "\x82\x01\x02", 3);
    assert_int_equal(cbor_get_array(&in), 2);
    cbor_in_whole(&in, "\x01\x02", 2);
    assert_true(in.error);
    cbor_in_whole(&in, NULL, 0);
    assert_true(in.error);
}

static void a_finite_number_is_one(void **state) {
    (void)state;
    struct cbor_in in = in_of("\xf9\x3c\x00\x20", 4);
    assert_true(cbor_get_finite(&in) == 1 && cbor_get_finite(&in) == -1 && !in.error);
    in = in_of("\xf9\x7e\x00", 3);
    assert_true(cbor_get_finite(&in) == 0 && in.error);
    in = in_of("\xf9\xfc\x00", 3);
    assert_true(cbor_get_finite(&in) == 0 && in.error);
}

static void a_wrong_type_is_an_error_that_stays(void **state) {
    (void)state;
    struct cbor_in in = in_of("\x61\x61\x01", 3);
    assert_int_equal(cbor_get_uint(&in), 0);
    assert_true(in.error);
    assert_int_equal(cbor_get_uint(&in), 0);
    assert_int_equal(cbor_peek(&in), CBOR_SIMPLE);
}

static void text_is_copied_only_when_it_fits(void **state) {
    (void)state;
    char text[5];
    struct cbor_in in = in_of("\x64IETF", 5);
    cbor_get_text_into(&in, text, sizeof text);
    assert_false(in.error);
    assert_string_equal(text, "IETF");
    in = in_of("\x64IETF", 5);
    cbor_get_text_into(&in, text, 4);
    assert_true(in.error);
    assert_string_equal(text, "");
    in = in_of("\x62"
               "a\0",
               3); /* a NUL inside would hide what follows */
    cbor_get_text_into(&in, text, sizeof text);
    assert_true(in.error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_take_the_shortest_form),
        cmocka_unit_test(strings_and_containers_encode),
        cmocka_unit_test(typed_arrays_are_little_endian),
        cmocka_unit_test(an_encoder_never_overruns),
        cmocka_unit_test(numbers_of_every_width_decode),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(lies_about_length_are_refused),
        cmocka_unit_test(text_is_utf8),
        cmocka_unit_test(a_tag_of_any_number_is_stepped_over),
        cmocka_unit_test(only_two_bytes_are_booleans),
        cmocka_unit_test(what_is_passed_over_is_well_formed),
        cmocka_unit_test(a_body_is_one_item),
        cmocka_unit_test(a_finite_number_is_one),
        cmocka_unit_test(a_wrong_type_is_an_error_that_stays),
        cmocka_unit_test(text_is_copied_only_when_it_fits),
    };
    return cmocka_run_group_tests_name("cbor", tests, NULL, NULL);
}
