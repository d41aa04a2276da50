/* What handlers use: diagnostics and query arguments. */
#include "cmocka_all.h"

#include <string.h>

#include "net/coap_server.h"

static char value[8];

static const char *query(const char *text, const char *key) {
    return coap_query(text, key, value, sizeof value);
}

static void arguments_are_found_by_their_whole_key(void **state) {
    (void)state;
    assert_string_equal(query("since=12", "since"), "12");
    assert_string_equal(query("a=1&since=12&b=2", "since"), "12");
    assert_string_equal(query("a=1&since=12&b=2", "b"), "2");
    assert_string_equal(query("since=", "since"), "");
    assert_string_equal(query("since=a=b", "since"), "a=b");
    assert_null(query("", "since"));
    assert_null(query("since", "since"));
    assert_null(query("sinc=1&sincee=2", "since"));
    assert_null(query("x=since=1", "since"));
    assert_string_equal(query("a=1&a=2", "a"), "1");
}

static void a_value_that_does_not_fit_is_absent_not_cut(void **state) {
    (void)state;
    assert_string_equal(query("a=1234567", "a"), "1234567");
    assert_null(query("a=12345678", "a"));
}

static void a_failure_is_code_and_sentence(void **state) {
    (void)state;
    uint8_t body[32];
    struct coap_response response = {.body = body, .cap = sizeof body, .format = COAP_FORMAT_CBOR};
    coap_fail(&response, COAP_404_NOT_FOUND, "no %s %d", "slot", 7);
    assert_int_equal(response.code, 0x84);
    assert_int_equal(response.format, COAP_FORMAT_NONE);
    assert_int_equal(response.len, 9);
    assert_memory_equal(body, "no slot 7", 9);
}

static void a_long_sentence_is_cut_to_fit(void **state) {
    (void)state;
    uint8_t body[8];
    struct coap_response response = {.body = body, .cap = sizeof body};
    coap_fail(&response, COAP_400_BAD_REQUEST, "%s", "much too long for this");
    assert_int_equal(response.len, 7);
    assert_memory_equal(body, "much to", 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_found_by_their_whole_key),
        cmocka_unit_test(a_value_that_does_not_fit_is_absent_not_cut),
        cmocka_unit_test(a_failure_is_code_and_sentence),
        cmocka_unit_test(a_long_sentence_is_cut_to_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
