/* ETags and conditions (RFC 7252 sections 5.10.6 and 5.10.8), Location, Accept, and options that are
 * not understood: what a client says about the answer, and what the answer says about itself. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "coap_client.h"
#include "core/bytes.h"
#include "net/coap_observe.h"

/* ---- resources -------------------------------------------------------------------------- */

static char value[3000]; /* "" = does not exist */
static uint32_t version;
static int value_format;
static unsigned gets, changes, validations;

static void serve_value(const struct coap_request *request, struct coap_response *response) {
    if (request->method == COAP_GET) {
        gets++;
        response->code = value[0] != '\0' ? COAP_205_CONTENT : COAP_404_NOT_FOUND;
        response->format = value_format;
        response->has_etag = true;
        response->len = (size_t)snprintf((char *)response->body, response->cap, "%s", value);
        return;
    }
    changes++;
    response->has_etag = true; /* there is no body to take it from, but perhaps a version */
    response->code = value[0] != '\0' ? COAP_204_CHANGED : COAP_201_CREATED;
    snprintf(value, sizeof value, "%.*s", (int)request->len, (const char *)request->payload);
}

static void serve_versioned(const struct coap_request *request, struct coap_response *response) {
    serve_value(request, response);
    response->etag = version;
}

static void validate(const struct coap_request *request, struct coap_validator *out) {
    assert_string_equal(request->path, "versioned");
    validations++;
    *out =
        (struct coap_validator){.exists = value[0] != '\0', .has_etag = version != 0, .etag = version};
}

static void make_job(const struct coap_request *request, struct coap_response *response) {
    (void)request;
    response->code = COAP_201_CREATED;
    coap_locate(response, "jobs/%d?first=%d&last", 7, 1);
}

static void fail_to_make(const struct coap_request *request, struct coap_response *response) {
    (void)request;
    coap_locate(response, "nowhere");
    coap_fail(response, COAP_400_BAD_REQUEST, "no");
}

/* Text or CBOR, as the client likes. */
static void serve_either(const struct coap_request *request, struct coap_response *response) {
    bool cbor = request->accept == COAP_FORMAT_CBOR;
    response->code = COAP_205_CONTENT;
    response->format = cbor ? COAP_FORMAT_CBOR : COAP_FORMAT_TEXT;
    response->body[0] = cbor ? 0xf6 : 'x';
    response->len = 1;
}

#define M(method) (1 << (method))
#define CHANGES (M(COAP_GET) | M(COAP_PUT) | M(COAP_POST) | M(COAP_DELETE))

static const struct coap_resource table[] = {
    {.path = "value",
     .attributes = "",
     .methods = CHANGES,
     .flags = COAP_OBSERVABLE,
     .handle = serve_value},
    {.path = "versioned",
     .attributes = "",
     .methods = CHANGES,
     .handle = serve_versioned,
     .validate = validate},
    {.path = "blind", .attributes = "", .methods = M(COAP_PUT), .handle = serve_value},
    {.path = "jobs", .attributes = "", .methods = M(COAP_POST), .handle = make_job},
    {.path = "never", .attributes = "", .methods = M(COAP_POST), .handle = fail_to_make},
    {.path = "either", .attributes = "", .methods = M(COAP_GET), .handle = serve_either},
};

static int fresh(void **state) {
    (void)state;
    gets = changes = validations = 0;
    version = 5;
    value_format = COAP_FORMAT_TEXT;
    strcpy(value, "hello");
    client_start(table, sizeof table / sizeof table[0]);
    return 0;
}

/* ---- helpers ---------------------------------------------------------------------------- */

#define GET(...) client_ask(&(struct ask){.method = COAP_GET, __VA_ARGS__})
#define PUT(...) client_ask(&(struct ask){.method = COAP_PUT, .payload = "new", .len = 3, __VA_ARGS__})

static struct coap_option etag_option(uint16_t number, int64_t etag) {
    static uint8_t bytes[8][COAP_ETAG_BYTES];
    static size_t turn;
    uint8_t *at = bytes[turn++ % 8];
    put_be32(at, (uint32_t)etag);
    return (struct coap_option){.number = number, .value = at, .len = COAP_ETAG_BYTES};
}

static void assert_code(const struct answer *answer, uint8_t code) {
    assert_true(answer->present);
    assert_int_equal(answer->pdu.code, code);
}

static int64_t etag_of(const char *path) {
    struct answer answer = GET(.path = path);
    assert_code(&answer, COAP_205_CONTENT);
    return option_of(&answer, COAP_OPT_ETAG);
}

/* ---- validation ------------------------------------------------------------------------- */

static void an_etag_changes_with_the_body_alone(void **state) {
    (void)state;
    int64_t first = etag_of("value");
    assert_true(first >= 0);
    assert_int_equal(etag_of("value"), first);
    strcpy(value, "other");
    assert_int_not_equal(etag_of("value"), first);
    assert_int_equal(etag_of("versioned"), 5);
}

static void a_change_has_the_etag_that_its_handler_gives(void **state) {
    (void)state;
    struct answer answer = PUT(.path = "value");
    assert_int_equal(option_of(&answer, COAP_OPT_ETAG), -1);
    answer = PUT(.path = "versioned");
    assert_int_equal(option_of(&answer, COAP_OPT_ETAG), 5);
}

static void what_the_client_has_is_not_sent_again(void **state) {
    (void)state;
    struct coap_option known = etag_option(COAP_OPT_ETAG, etag_of("value"));
    struct coap_option stale = etag_option(COAP_OPT_ETAG, 1234);
    struct answer answer = GET(.path = "value", .extra = {stale, known});
    assert_code(&answer, COAP_203_VALID);
    assert_int_equal(answer.pdu.payload_len, 0);
    assert_int_equal(option_of(&answer, COAP_OPT_ETAG), get_be32(known.value));
    assert_int_equal(option_of(&answer, COAP_OPT_CONTENT_FORMAT), -1);
    strcpy(value, "other");
    answer = GET(.path = "value", .extra = {stale, known});
    assert_code(&answer, COAP_205_CONTENT);
    assert_int_equal(answer.pdu.payload_len, 5);
}

static void a_resource_that_knows_its_etag_makes_no_body(void **state) {
    (void)state;
    struct answer answer = GET(.path = "versioned", .extra = {etag_option(COAP_OPT_ETAG, 5)});
    assert_code(&answer, COAP_203_VALID);
    assert_int_equal(gets, 0);
    version = 6;
    answer = GET(.path = "versioned", .extra = {etag_option(COAP_OPT_ETAG, 5)});
    assert_code(&answer, COAP_205_CONTENT);
    assert_int_equal(option_of(&answer, COAP_OPT_ETAG), 6);
    assert_int_equal(gets, 1);
}

static void a_large_body_is_validated_too(void **state) {
    (void)state;
    memset(value, 'x', sizeof value - 1);
    struct coap_option known = etag_option(COAP_OPT_ETAG, etag_of("value"));
    struct answer answer = GET(.path = "value", .extra = {known});
    assert_code(&answer, COAP_203_VALID);
    assert_int_equal(option_of(&answer, COAP_OPT_BLOCK2), -1);
    answer = GET(.path = "value", .extra = {known}, /* a later block was wanted: here it is */
                 .block2 = &((struct coap_block){.num = 1, .szx = 6}));
    assert_code(&answer, COAP_205_CONTENT);
}

static void an_observation_may_begin_with_what_is_known(void **state) {
    (void)state;
    struct coap_option known = etag_option(COAP_OPT_ETAG, etag_of("value"));
    struct answer answer = GET(.path = "value", .token = "t", .observe = 1 + 0, .extra = {known});
    assert_code(&answer, COAP_203_VALID);
    assert_true(option_of(&answer, COAP_OPT_OBSERVE) >= 0);
    strcpy(value, "other");
    coap_server_changed("value");
    fake_settle();
    answer = client_next(SERIAL);
    assert_code(&answer, COAP_205_CONTENT);
    assert_true(option_of(&answer, COAP_OPT_ETAG) >= 0);
}

/* RFC 7641 section 4.2 */
static void another_content_format_ends_an_observation(void **state) {
    (void)state;
    (void)GET(.path = "value", .token = "t", .observe = 1 + 0);
    value_format = COAP_FORMAT_OCTETS;
    coap_server_changed("value");
    fake_settle();
    struct answer answer = client_next(SERIAL);
    assert_code(&answer, COAP_406_NOT_ACCEPTABLE);
    assert_int_equal(option_of(&answer, COAP_OPT_OBSERVE), -1);
    assert_int_equal(coap_observe_count(), 0);
}

/* ---- conditions ------------------------------------------------------------------------- */

static void if_match_lets_the_right_version_through(void **state) {
    (void)state;
    static const char *const paths[] = {"value", "versioned"};
    for (size_t i = 0; i < 2; i++) {
        fresh(state);
        struct coap_option right = etag_option(COAP_OPT_IF_MATCH, etag_of(paths[i]));
        struct coap_option wrong = etag_option(COAP_OPT_IF_MATCH, 99);
        struct answer answer = PUT(.path = paths[i], .extra = {wrong});
        assert_code(&answer, COAP_412_PRECONDITION_FAILED);
        assert_int_equal(changes, 0);
        answer = PUT(.path = paths[i], .extra = {wrong, right});
        assert_code(&answer, COAP_204_CHANGED);
        version++;
        answer = PUT(.path = paths[i], .extra = {right}); /* somebody else was faster */
        assert_code(&answer, COAP_412_PRECONDITION_FAILED);
        assert_int_equal(changes, 1);
    }
}

static void an_empty_if_match_wants_something_to_be_there(void **state) {
    (void)state;
    static const char *const paths[] = {"value", "versioned"};
    struct coap_option any = {.number = COAP_OPT_IF_MATCH};
    for (size_t i = 0; i < 2; i++) {
        fresh(state);
        struct answer answer = PUT(.path = paths[i], .extra = {any});
        assert_code(&answer, COAP_204_CHANGED);
        value[0] = '\0';
        answer = PUT(.path = paths[i], .extra = {any});
        assert_code(&answer, COAP_412_PRECONDITION_FAILED);
        assert_int_equal(changes, 1);
    }
}

static void if_none_match_only_creates(void **state) {
    (void)state;
    static const char *const paths[] = {"value", "versioned"};
    struct coap_option none = {.number = COAP_OPT_IF_NONE_MATCH};
    for (size_t i = 0; i < 2; i++) {
        fresh(state);
        struct answer answer = PUT(.path = paths[i], .extra = {none});
        assert_code(&answer, COAP_412_PRECONDITION_FAILED);
        value[0] = '\0';
        answer = PUT(.path = paths[i], .extra = {none});
        assert_code(&answer, COAP_201_CREATED);
        assert_int_equal(changes, 1);
    }
}

static void who_cannot_be_asked_exists_without_an_etag(void **state) {
    (void)state;
    struct answer answer = PUT(.path = "blind", .extra = {{.number = COAP_OPT_IF_MATCH}});
    assert_code(&answer, COAP_204_CHANGED);
    answer = PUT(.path = "blind", .extra = {etag_option(COAP_OPT_IF_MATCH, 5)});
    assert_code(&answer, COAP_412_PRECONDITION_FAILED);
    answer = PUT(.path = "blind", .extra = {{.number = COAP_OPT_IF_NONE_MATCH}});
    assert_code(&answer, COAP_412_PRECONDITION_FAILED);
}

static struct answer put_part(uint32_t num, bool more, struct coap_option condition) {
    struct coap_block block = {.num = num, .more = more, .szx = 0};
    return client_ask(&(struct ask){.method = COAP_PUT,
                                    .path = "value",
                                    .payload = "sixteen bytes ..",
                                    .len = 16,
                                    .block1 = &block,
                                    .extra = {condition}});
}

static void an_upload_is_refused_at_its_first_block(void **state) {
    (void)state;
    struct coap_option wrong = etag_option(COAP_OPT_IF_MATCH, 99);
    struct answer answer = put_part(0, true, wrong);
    assert_code(&answer, COAP_412_PRECONDITION_FAILED);
    answer = put_part(1, false, wrong);
    assert_code(&answer, COAP_408_INCOMPLETE);
    assert_int_equal(changes, 0);
}

static void an_upload_is_refused_at_its_end_when_another_was_faster(void **state) {
    (void)state;
    struct coap_option right = etag_option(COAP_OPT_IF_MATCH, etag_of("value"));
    struct answer answer = put_part(0, true, right);
    assert_code(&answer, COAP_231_CONTINUE);
    (void)PUT(.path = "value", .peer = 1);
    answer = put_part(1, false, right);
    assert_code(&answer, COAP_412_PRECONDITION_FAILED);
    assert_string_equal(value, "new");
}

static void a_get_may_be_conditional_as_well(void **state) {
    (void)state;
    struct answer answer = GET(.path = "value", .extra = {etag_option(COAP_OPT_IF_MATCH, 99)});
    assert_code(&answer, COAP_412_PRECONDITION_FAILED);
}

/* ---- Location, Accept, others ----------------------------------------------------------- */

static void what_was_made_says_where_it_is(void **state) {
    (void)state;
    struct answer answer = client_ask(&(struct ask){.method = COAP_POST, .path = "jobs"});
    assert_code(&answer, COAP_201_CREATED);
    assert_int_equal(answer.pdu.options_len, 5 + 2 + 8 + 5);
    assert_memory_equal(answer.pdu.options,
                        "\x84jobs\x01"
                        "7\xc7"
                        "first=1\x04last",
                        5 + 2 + 8 + 5);
    answer = client_ask(&(struct ask){.method = COAP_POST, .path = "never"});
    assert_code(&answer, COAP_400_BAD_REQUEST);
    assert_int_equal(answer.pdu.options_len, 0);
}

static void a_handler_may_have_several_formats(void **state) {
    (void)state;
    struct answer answer = GET(.path = "either");
    assert_int_equal(option_of(&answer, COAP_OPT_CONTENT_FORMAT), COAP_FORMAT_TEXT);
    answer = GET(.path = "either", .accept = 1 + COAP_FORMAT_CBOR);
    assert_int_equal(option_of(&answer, COAP_OPT_CONTENT_FORMAT), COAP_FORMAT_CBOR);
    answer = GET(.path = "either", .accept = 1 + COAP_FORMAT_OCTETS);
    assert_code(&answer, COAP_406_NOT_ACCEPTABLE);
    answer = PUT(.path = "value", .accept = 1 + COAP_FORMAT_CBOR); /* an answer without content */
    assert_code(&answer, COAP_204_CHANGED);
}

static void options_that_need_no_action_are_taken_or_passed_over(void **state) {
    (void)state;
    static const struct {
        uint16_t number;
        size_t len;
        uint8_t code;
    } cases[] = {
        {COAP_OPT_URI_HOST, 9, COAP_205_CONTENT},
        {COAP_OPT_URI_PORT, 2, COAP_205_CONTENT},
        {COAP_OPT_PROXY_URI, 9, COAP_505_NO_PROXY},
        {COAP_OPT_PROXY_SCHEME, 4, COAP_505_NO_PROXY},
        {9, 3, COAP_402_BAD_OPTION}, /* OSCORE: critical */
        {252, 4, COAP_205_CONTENT},  /* Echo, RFC 9175: elective */
        {258, 1, COAP_205_CONTENT},  /* No-Response, RFC 7967: elective */
        {2048, 0, COAP_205_CONTENT},
        {2049, 0, COAP_402_BAD_OPTION},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct coap_option option = {
            .number = cases[i].number, .value = (const uint8_t *)"localhost", .len = cases[i].len};
        struct answer answer = GET(.path = "value", .extra = {option});
        assert_code(&answer, cases[i].code);
    }
}

static void a_repeated_critical_option_is_unknown_an_elective_one_is_ignored(void **state) {
    (void)state;
    struct coap_option none = {.number = COAP_OPT_IF_NONE_MATCH};
    struct coap_option size = {.number = COAP_OPT_SIZE2};
    struct answer answer = PUT(.path = "value", .extra = {none, none});
    assert_code(&answer, COAP_402_BAD_OPTION);
    answer = GET(.path = "value", .extra = {size, size});
    assert_code(&answer, COAP_205_CONTENT);
    assert_int_equal(option_of(&answer, COAP_OPT_SIZE2), 5); /* it was asked for */
}

#define T(test) cmocka_unit_test_setup(test, fresh)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(an_etag_changes_with_the_body_alone),
        T(a_change_has_the_etag_that_its_handler_gives),
        T(what_the_client_has_is_not_sent_again),
        T(a_resource_that_knows_its_etag_makes_no_body),
        T(a_large_body_is_validated_too),
        T(an_observation_may_begin_with_what_is_known),
        T(another_content_format_ends_an_observation),
        T(if_match_lets_the_right_version_through),
        T(an_empty_if_match_wants_something_to_be_there),
        T(if_none_match_only_creates),
        T(who_cannot_be_asked_exists_without_an_etag),
        T(an_upload_is_refused_at_its_first_block),
        T(an_upload_is_refused_at_its_end_when_another_was_faster),
        T(a_get_may_be_conditional_as_well),
        T(what_was_made_says_where_it_is),
        T(a_handler_may_have_several_formats),
        T(options_that_need_no_action_are_taken_or_passed_over),
        T(a_repeated_critical_option_is_unknown_an_elective_one_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
