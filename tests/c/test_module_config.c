/* A module's parameters: defaults, choices, and what is refused. */
#include "cmocka_all.h"

#include <string.h>

#include "core/cbor.h"
#include "node/module_config.h"

#define SPAN(text) ((struct span){(const uint8_t *)(text), sizeof(text) - 1})

/* {"gain": 2, "limit": -7.5} */
#define DEFAULTS SPAN("\xa2\x64gain\x02\x65limit\xfa\xc0\xf0\x00\x00")

static char why[96];

static double number(struct span config, const char *key) {
    double value = -1;
    module_config_number(config, key, strlen(key), &value);
    return value;
}

static void a_parameter_is_found_by_its_whole_name(void **state) {
    (void)state;
    assert_true(number(DEFAULTS, "gain") == 2);
    assert_true(number(DEFAULTS, "limit") == -7.5);
    assert_true(number(DEFAULTS, "gai") == -1);
    assert_true(number(DEFAULTS, "gains") == -1);
    assert_true(number((struct span){0}, "gain") == -1);
}

static void choices_win_over_defaults(void **state) {
    (void)state;
    uint8_t merged[64];
    struct span chosen = SPAN("\xa2\x65limit\x18\x64\x65other\x01"); /* {"limit": 100, "other": 1} */
    int len = module_config_merge(DEFAULTS, chosen, merged, sizeof merged);
    assert_true(len > 0);
    struct span config = {merged, (size_t)len};
    assert_true(number(config, "gain") == 2);
    assert_true(number(config, "limit") == 100);
    assert_true(number(config, "other") == -1); /* only what the module declares */
}

static void without_defaults_the_map_is_empty(void **state) {
    (void)state;
    uint8_t merged[8];
    assert_int_equal(module_config_merge((struct span){0}, DEFAULTS, merged, sizeof merged), 1);
    assert_int_equal(merged[0], 0xa0);
}

static void a_merge_that_does_not_fit_says_so(void **state) {
    (void)state;
    uint8_t merged[DEFAULTS.len];
    assert_int_equal(module_config_merge(DEFAULTS, (struct span){0}, merged, sizeof merged),
                     (int)sizeof merged);
    assert_int_equal(module_config_merge(DEFAULTS, (struct span){0}, merged, sizeof merged - 1),
                     WM_ENOMEM);
}

static void assert_refused(struct span chosen, const char *reason) {
    assert_int_equal(module_config_check(DEFAULTS, chosen, why, sizeof why), WM_EINVAL);
    assert_non_null(strstr(why, reason));
}

static void only_known_numbers_are_taken(void **state) {
    (void)state;
    assert_int_equal(module_config_check(DEFAULTS, SPAN("\xa1\x64gain\x05"), why, sizeof why), WM_OK);
    assert_refused(SPAN("\xa1\x64giin\x05"), "no parameter giin");
    assert_refused(SPAN("\xa1\x64gain\x61x"), "one CBOR map");
    assert_refused(SPAN("\xa1\x64gain\x05\x00"), "one CBOR map");
    assert_refused(SPAN("\xa1\x64ga"), "one CBOR map");
    assert_refused(SPAN("\x05"), "one CBOR map");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parameter_is_found_by_its_whole_name),
        cmocka_unit_test(choices_win_over_defaults),
        cmocka_unit_test(without_defaults_the_map_is_empty),
        cmocka_unit_test(a_merge_that_does_not_fit_says_so),
        cmocka_unit_test(only_known_numbers_are_taken),
    };
    return cmocka_run_group_tests_name("module_config", tests, NULL, NULL);
}
