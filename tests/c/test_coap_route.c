/* Paths against patterns. */
#include "cmocka_all.h"

#include <string.h>

#include "net/coap_route.h"

static struct coap_route route;

static bool match(const char *pattern, const char *path) {
    static struct coap_resource resource;
    resource.path = pattern;
    return coap_route_match(&route, &resource, path);
}

static void fixed_paths_match_themselves_only(void **state) {
    (void)state;
    assert_true(match("node", "node"));
    assert_true(match("a/b", "a/b"));
    assert_true(match("", ""));
    assert_false(match("node", "nod"));
    assert_false(match("node", "nodes"));
    assert_false(match("node", "node/"));
    assert_false(match("node", "/node"));
    assert_false(match("node", ""));
    assert_false(match("a/b", "a"));
    assert_false(match("a", "a/b"));
    assert_false(match("a/b", "a//b"));
}

static void a_star_is_one_segment(void **state) {
    (void)state;
    assert_true(match("modules/*", "modules/0"));
    assert_string_equal(route.wild[0], "0");
    assert_null(route.wild[1]);
    assert_false(match("modules/*", "modules"));
    assert_false(match("modules/*", "modules/"));
    assert_false(match("modules/*", "modules/0/config"));
    assert_false(match("modules/*/config", "modules//config"));
}

static void wild_segments_are_cut_out(void **state) {
    (void)state;
    assert_true(match("out/*/*", "out/12/features"));
    assert_string_equal(route.wild[0], "12");
    assert_string_equal(route.wild[1], "features");
    assert_true(match("modules/*/config", "modules/3/config"));
    assert_string_equal(route.wild[0], "3");
    assert_true(match("*/x/*", "a/x/b"));
    assert_string_equal(route.wild[0], "a");
    assert_string_equal(route.wild[1], "b");
}

static void a_star_in_a_path_is_no_wildcard(void **state) {
    (void)state;
    assert_false(match("node", "*"));
    assert_true(match("modules/*", "modules/*"));
    assert_string_equal(route.wild[0], "*");
}

static void more_wildcards_than_there_is_room_for_match_nothing(void **state) {
    (void)state;
    assert_false(match("*/*/*", "a/b/c"));
}

static void the_longest_path_is_safe(void **state) {
    (void)state;
    char path[COAP_PATH_MAX + 1];
    memset(path, 'p', COAP_PATH_MAX);
    path[COAP_PATH_MAX] = '\0';
    assert_true(match("*", path));
    assert_string_equal(route.wild[0], path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_paths_match_themselves_only),
        cmocka_unit_test(a_star_is_one_segment),
        cmocka_unit_test(wild_segments_are_cut_out),
        cmocka_unit_test(a_star_in_a_path_is_no_wildcard),
        cmocka_unit_test(more_wildcards_than_there_is_room_for_match_nothing),
        cmocka_unit_test(the_longest_path_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
