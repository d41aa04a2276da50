/* UTF-8: what RFC 3629 allows, and what it forbids. */
#include "cmocka_all.h"

#include <string.h>

#include "core/utf8.h"

static void assert_valid(const char *text, bool valid) {
    assert_int_equal(utf8_is_valid(text, strlen(text)), valid);
}

static void the_ends_of_every_range_are_valid(void **state) {
    (void)state;
    assert_valid("", true);
    assert_valid("plain\x7f", true);
    assert_valid("\xc2\x80\xdf\xbf", true);
    assert_valid("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", true);
    assert_valid("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true);
}

static void what_the_rfc_forbids_is_not(void **state) {
    (void)state;
    static const char *const forbidden[] = {
        "\x80",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xc2"
        "A",
    };
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        assert_valid(forbidden[i], false);
}

static void a_cut_character_is_malformed(void **state) {
    (void)state;
    static const char euro[] = "\xe2\x82\xac";
    assert_int_equal(utf8_character(euro, 3), 3);
    for (size_t len = 0; len < 3; len++)
        assert_int_equal(utf8_character(euro, len), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ends_of_every_range_are_valid),
        cmocka_unit_test(what_the_rfc_forbids_is_not),
        cmocka_unit_test(a_cut_character_is_malformed),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
