/* /.well-known/core: links, filters, and a list that is longer than the buffer. */
#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "net/coap_wellknown.h"

static void list_streams(void (*emit)(void *arg, const char *path), void *arg) {
    emit(arg, "out/0/features");
    emit(arg, "out/1/alarm");
}

static const struct coap_resource table[] = {
    {.path = "node", .attributes = "rt=\"wasmote.node core.s\";ct=60"},
    {.path = "log", .attributes = "rt=\"wasmote.log\";ct=60;if=\"x\"", .flags = COAP_OBSERVABLE},
    {.path = "out/*/*", .attributes = "rt=\"wasmote.stream\"", .list = list_streams},
    {.path = "hidden/*", .attributes = ""},
    {.path = "plain", .attributes = ""},
    {.path = "jobs", .attributes = "title=\"a; b=c\";sz=42;if=\"core.b core.ll\""},
};

static uint8_t body[1024];

static void assert_links(const char *query, const char *expected) {
    struct coap_response response = {.body = body, .cap = sizeof body};
    coap_wellknown(table, sizeof table / sizeof table[0], query, &response);
    assert_int_equal(response.code, COAP_205_CONTENT);
    assert_int_equal(response.format, COAP_FORMAT_LINK);
    body[response.len] = '\0';
    assert_string_equal((char *)body, expected);
}

#define NODE "</node>;rt=\"wasmote.node core.s\";ct=60"
#define LOG "</log>;rt=\"wasmote.log\";ct=60;if=\"x\";obs"
#define FEATURES "</out/0/features>;rt=\"wasmote.stream\""
#define ALARM "</out/1/alarm>;rt=\"wasmote.stream\""
#define JOBS "</jobs>;title=\"a; b=c\";sz=42;if=\"core.b core.ll\""
#define ALL NODE "," LOG "," FEATURES "," ALARM ",</plain>," JOBS

static void everything_that_exists_is_listed(void **state) {
    (void)state;
    assert_links("", ALL);
}

static void attributes_filter(void **state) {
    (void)state;
    assert_links("rt=wasmote.log", LOG);
    assert_links("rt=wasmote.*", NODE "," LOG "," FEATURES "," ALARM);
    assert_links("rt=core.s", NODE); /* one of several values */
    assert_links("ct=60", NODE "," LOG);
    assert_links("if=x", LOG);
    assert_links("rt=*", NODE "," LOG "," FEATURES "," ALARM);
    assert_links("rt=wasmote", "");
    assert_links("r=wasmote.log", "");
    assert_links("sz=1", "");
    assert_links("sz=42", JOBS);
    assert_links("sz=4*", JOBS);
    assert_links("if=core.ll", JOBS); /* the second of two */
    assert_links("if=core*", JOBS);
    assert_links("if=*", LOG "," JOBS);
    assert_links("title=a; b=c", JOBS); /* one value, whatever it holds */
    assert_links("title=a;", "");
    assert_links("b=c", ""); /* inside the quotes */
    assert_links(" b=c*", "");
    assert_links("rt=wasmote.log&if=nothing", LOG); /* one filter (section 4.1): the first */
}

static void paths_filter(void **state) {
    (void)state;
    assert_links("href=/node", NODE);
    assert_links("href=/out*", FEATURES "," ALARM);
    assert_links("href=/*", ALL);
    assert_links("href=/nod", "");
    assert_links("href=node", "");
    assert_links("href=", "");
}

static void what_is_no_filter_filters_nothing(void **state) {
    (void)state;
    assert_links("rt", ALL);
    assert_links("=x", ALL);
    assert_links("a-key-that-is-far-too-long=x", ALL);
}

/* CVE-2026-27703 was a reply like this one that ran over its buffer. */
static void a_list_that_is_too_long_ends_with_a_whole_link(void **state) {
    (void)state;
    for (size_t cap = 0; cap < sizeof ALL; cap++) {
        uint8_t *small = malloc(cap > 0 ? cap : 1);
        struct coap_response response = {.body = small, .cap = cap};
        coap_wellknown(table, sizeof table / sizeof table[0], "", &response);
        assert_in_range(response.len, 0, cap);
        assert_memory_equal(small, ALL, response.len);
        assert_true(response.len == 0 || ALL[response.len] == ',' || ALL[response.len] == '\0');
        free(small);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_exists_is_listed),
        cmocka_unit_test(attributes_filter),
        cmocka_unit_test(paths_filter),
        cmocka_unit_test(what_is_no_filter_filters_nothing),
        cmocka_unit_test(a_list_that_is_too_long_ends_with_a_whole_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
