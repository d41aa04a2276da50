/* Whole exchanges, from bytes on the serial line (or datagrams) to bytes: requests, block-wise
 * transfers, observations, duplicates and noise. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "coap_client.h"
#include "core/loop.h"
#include "net/coap_observe.h"
#include "net/link.h"
#include "net/slipmux.h"

/* ---- a node's resources ----------------------------------------------------------------- */

static char seen[256]; /* what the last handler saw */
static unsigned runs;  /* handlers run */
static unsigned version;
static size_t big_len;
static uint8_t stored[5000];
static size_t stored_len;
static char abandoned[64];
static uint8_t control_code;

static void get_text(const struct coap_request *request, struct coap_response *response) {
    runs++;
    snprintf(seen, sizeof seen, "%s?%s", request->path, request->query);
    response->code = COAP_205_CONTENT;
    response->format = COAP_FORMAT_TEXT;
    response->len = (size_t)snprintf((char *)response->body, response->cap, "version %u", version);
}

/* A body whose every byte tells its place and its version. */
static uint8_t big_byte(size_t at) {
    return (uint8_t)(at * 7 + at / 256 + version);
}

static void get_big(const struct coap_request *request, struct coap_response *response) {
    (void)request;
    runs++;
    response->code = COAP_205_CONTENT;
    response->format = COAP_FORMAT_OCTETS;
    response->len = big_len;
    for (size_t i = 0; i < big_len; i++) {
        response->body[i] = big_byte(i);
    }
}

static void put_assembled(const struct coap_request *request, struct coap_response *response) {
    runs++;
    stored_len = request->len;
    memcpy(stored, request->payload, request->len);
    snprintf(seen, sizeof seen, "format %d", request->format);
    response->code = COAP_204_CHANGED;
}

static void put_streamed(const struct coap_request *request, struct coap_response *response) {
    runs++;
    if (request->offset == 0) {
        stored_len = 0;
    }
    if (request->total > sizeof stored || request->offset + request->len > sizeof stored) {
        coap_fail(response, COAP_413_TOO_LARGE, "too large");
        response->max_size = sizeof stored;
        return;
    }
    assert_int_equal(request->offset, stored_len);
    memcpy(stored + stored_len, request->payload, request->len);
    stored_len += request->len;
    response->code = COAP_201_CREATED;
}

static void abandon(const char *path) {
    snprintf(abandoned, sizeof abandoned, "%s", path);
}

static void post_control(const struct coap_request *request, struct coap_response *response) {
    runs++;
    snprintf(seen, sizeof seen, "%s %s", request->wild[0], request->path);
    response->code = control_code;
    if (control_code >= COAP_400_BAD_REQUEST) {
        coap_fail(response, control_code, "%0200d", 0);
    }
}

static void get_stream(const struct coap_request *request, struct coap_response *response) {
    if (strcmp(request->wild[1], "missing") == 0) {
        coap_fail(response, COAP_404_NOT_FOUND, "slot %s has no stream %s", request->wild[0],
                  request->wild[1]);
        return;
    }
    get_text(request, response);
}

static void get_nothing(const struct coap_request *request, struct coap_response *response) {
    (void)request;
    (void)response;
}

static void list_streams(void (*emit)(void *arg, const char *path), void *arg) {
    emit(arg, "out/0/features");
    emit(arg, "out/1/alarm");
}

#define M(method) (1 << (method))

static const struct coap_resource table[] = {
    {.path = "node",
     .attributes = "rt=\"wasmote.node\";ct=60",
     .methods = M(COAP_GET),
     .handle = get_text},
    {.path = "big",
     .attributes = "",
     .methods = M(COAP_GET) | M(COAP_POST),
     .flags = COAP_OBSERVABLE,
     .handle = get_big},
    {.path = "config",
     .attributes = "",
     .methods = M(COAP_PUT) | M(COAP_DELETE),
     .handle = put_assembled},
    {.path = "modules/*",
     .attributes = "",
     .methods = M(COAP_PUT),
     .flags = COAP_STREAMED,
     .handle = put_streamed,
     .abandon = abandon},
    {.path = "modules/*/control", .attributes = "", .methods = M(COAP_POST), .handle = post_control},
    {.path = "out/*/*",
     .attributes = "rt=\"wasmote.stream\"",
     .methods = M(COAP_GET),
     .flags = COAP_OBSERVABLE,
     .handle = get_stream,
     .list = list_streams},
    {.path = "mute", .attributes = "", .methods = M(COAP_GET), .handle = get_nothing},
};

static int fresh(void **state) {
    (void)state;
    runs = version = 0;
    big_len = 3000;
    stored_len = 0;
    seen[0] = abandoned[0] = '\0';
    control_code = COAP_204_CHANGED;
    client_start(table, sizeof table / sizeof table[0]);
    return 0;
}

/* ---- helpers ---------------------------------------------------------------------------- */

#define GET(...) client_ask(&(struct ask){.method = COAP_GET, __VA_ARGS__})
#define PUT(...) client_ask(&(struct ask){.method = COAP_PUT, __VA_ARGS__})
#define POST(...) client_ask(&(struct ask){.method = COAP_POST, __VA_ARGS__})

static void assert_code(const struct answer *answer, uint8_t code) {
    assert_true(answer->present);
    assert_int_equal(answer->pdu.code, code);
}

static void assert_payload(const struct answer *answer, const char *text) {
    assert_true(answer->present);
    assert_int_equal(answer->pdu.payload_len, strlen(text));
    assert_memory_equal(answer->pdu.payload, text, strlen(text));
}

static void assert_silence(uint8_t peer) {
    struct answer answer = client_next(peer);
    assert_false(answer.present);
}

static bool payload_holds(const struct answer *answer, const char *text) {
    char copy[2048];
    snprintf(copy, sizeof copy, "%.*s", (int)answer->pdu.payload_len, (const char *)answer->pdu.payload);
    return strstr(copy, text) != NULL;
}

/* ---- requests --------------------------------------------------------------------------- */

static void a_get_is_answered_on_its_ack(void **state) {
    (void)state;
    struct answer answer = GET(.path = "node", .mid = 0x4711, .token = "tok");
    assert_code(&answer, COAP_205_CONTENT);
    assert_int_equal(answer.pdu.type, COAP_ACK);
    assert_int_equal(answer.pdu.mid, 0x4711);
    assert_int_equal(answer.pdu.token_len, 3);
    assert_memory_equal(answer.pdu.token, "tok", 3);
    assert_int_equal(option_of(&answer, COAP_OPT_CONTENT_FORMAT), 0);
    assert_int_equal(option_of(&answer, COAP_OPT_BLOCK2), -1);
    assert_payload(&answer, "version 0");
    assert_silence(SERIAL);
}

static void a_non_is_answered_with_a_non(void **state) {
    (void)state;
    struct answer answer = GET(.path = "node", .type = COAP_NON, .token = "t", .peer = 3);
    assert_code(&answer, COAP_205_CONTENT);
    assert_int_equal(answer.pdu.type, COAP_NON);
    assert_int_equal(answer.pdu.token_len, 1);
}

static void a_ping_gets_a_reset(void **state) {
    (void)state;
    client_reply_empty(SERIAL, COAP_CON, 0x0102);
    struct answer answer = client_next(SERIAL);
    assert_true(answer.present);
    assert_int_equal(answer.len, 4);
    assert_int_equal(answer.pdu.type, COAP_RST);
    assert_int_equal(answer.pdu.mid, 0x0102);
}

static void paths_and_queries_reach_the_handler(void **state) {
    (void)state;
    struct answer answer = GET(.path = "out/0/features", .query = "since=12&x=y");
    assert_code(&answer, COAP_205_CONTENT);
    assert_string_equal(seen, "out/0/features?since=12&x=y");
    answer = POST(.path = "modules/1/control");
    assert_code(&answer, COAP_204_CHANGED);
    assert_string_equal(seen, "1 modules/1/control");
}

static void errors_say_why(void **state) {
    (void)state;
    struct answer answer = GET(.path = "nowhere");
    assert_code(&answer, COAP_404_NOT_FOUND);
    assert_payload(&answer, "there is no /nowhere");
    assert_int_equal(option_of(&answer, COAP_OPT_CONTENT_FORMAT), -1);
    answer = PUT(.path = "node", .payload = "x", .len = 1);
    assert_code(&answer, COAP_405_METHOD_NOT_ALLOWED);
    answer = client_ask(&(struct ask){.method = 5, .path = "node"}); /* FETCH */
    assert_code(&answer, COAP_405_METHOD_NOT_ALLOWED);
    answer = GET(.path = "node", .accept = 60 + 1);
    assert_code(&answer, COAP_406_NOT_ACCEPTABLE);
    answer = GET(.path = "node", .accept = 0 + 1);
    assert_code(&answer, COAP_205_CONTENT);
    answer = GET(.path = "mute");
    assert_code(&answer, COAP_500_INTERNAL);
    answer = GET(.path = "out/0/missing");
    assert_code(&answer, COAP_404_NOT_FOUND);
    assert_payload(&answer, "slot 0 has no stream missing");
}

static size_t with_critical_option(uint8_t type, uint8_t *out) {
    struct coap_builder builder;
    coap_build(&builder, out, 64, (enum coap_type)type, COAP_GET, 77, NULL, 0);
    coap_build_option(&builder, COAP_OPT_URI_PATH, "node", 4);
    coap_build_option(&builder, 2049, NULL, 0);
    return builder.len;
}

static void an_unknown_critical_option_is_named(void **state) {
    (void)state;
    uint8_t message[64];
    client_send(SERIAL, message, with_critical_option(COAP_CON, message));
    struct answer answer = client_next(SERIAL);
    assert_code(&answer, COAP_402_BAD_OPTION);
    assert_true(payload_holds(&answer, "2049"));
    client_send(SERIAL, message, with_critical_option(COAP_NON, message));
    answer = client_next(SERIAL);
    assert_int_equal(answer.pdu.type, COAP_RST);
    assert_int_equal(runs, 0);
}

static void well_known_core_lists_what_exists(void **state) {
    (void)state;
    struct answer answer = GET(.path = ".well-known/core");
    assert_code(&answer, COAP_205_CONTENT);
    assert_int_equal(option_of(&answer, COAP_OPT_CONTENT_FORMAT), COAP_FORMAT_LINK);
    assert_payload(
        &answer, "</node>;rt=\"wasmote.node\";ct=60,</big>;obs,</config>,"
                 "</out/0/features>;rt=\"wasmote.stream\";obs,</out/1/alarm>;rt=\"wasmote.stream\";obs,"
                 "</mute>");
    answer = GET(.path = ".well-known/core", .query = "rt=wasmote.node");
    assert_payload(&answer, "</node>;rt=\"wasmote.node\";ct=60");
    answer = client_ask(&(struct ask){.method = COAP_PUT, .path = ".well-known/core"});
    assert_code(&answer, COAP_405_METHOD_NOT_ALLOWED);
}

static void well_known_core_comes_in_blocks(void **state) {
    (void)state;
    struct coap_block block = {.num = 0, .szx = 2};
    char links[1024] = "";
    struct answer answer;
    do {
        answer = GET(.path = ".well-known/core", .block2 = &block);
        assert_code(&answer, COAP_205_CONTENT);
        strncat(links, (const char *)answer.pdu.payload, answer.pdu.payload_len);
        block.num++;
    } while (block_of(&answer, COAP_OPT_BLOCK2).more);
    assert_non_null(strstr(links, "</out/1/alarm>;rt=\"wasmote.stream\";obs,</mute>"));
}

/* ---- Block2 ----------------------------------------------------------------------------- */

static void assert_slice(const struct answer *answer, size_t offset, size_t len) {
    assert_code(answer, COAP_205_CONTENT);
    assert_int_equal(answer->pdu.payload_len, len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(answer->pdu.payload[i], big_byte(offset + i));
    }
}

static void a_large_body_comes_in_blocks_of_one_copy(void **state) {
    (void)state;
    struct answer answer = GET(.path = "big");
    assert_slice(&answer, 0, 1024);
    assert_true(block_of(&answer, COAP_OPT_BLOCK2).more);
    assert_int_equal(option_of(&answer, COAP_OPT_SIZE2), 3000);
    int64_t etag = option_of(&answer, COAP_OPT_ETAG);
    assert_true(etag >= 0);
    version++; /* changes in between: the copy does not */
    for (uint32_t num = 1; num < 3; num++) {
        answer = GET(.path = "big", .block2 = &((struct coap_block){.num = num, .szx = 6}));
        version--;
        assert_slice(&answer, num * 1024, num < 2 ? 1024 : 3000 - 2048);
        version++;
        assert_int_equal(option_of(&answer, COAP_OPT_ETAG), etag);
        assert_int_equal(block_of(&answer, COAP_OPT_BLOCK2).more, num < 2);
    }
    assert_int_equal(runs, 1);
    answer = GET(.path = "big");
    assert_slice(&answer, 0, 1024);
    assert_int_not_equal(option_of(&answer, COAP_OPT_ETAG), etag);
}

static void other_requests_do_not_disturb_a_transfer(void **state) {
    (void)state;
    (void)GET(.path = "big");
    version++;
    (void)GET(.path = "node");
    (void)GET(.path = "big", .peer = 1); /* another client begins: its copy has to wait */
    version--;
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
    assert_int_equal(runs, 1);
}

static void blocks_of_16_bytes_work(void **state) {
    (void)state;
    big_len = 100;
    for (uint32_t num = 0; num < 7; num++) {
        struct answer answer =
            GET(.path = "big", .block2 = &((struct coap_block){.num = num, .szx = 0}));
        assert_slice(&answer, num * 16, num < 6 ? 16 : 4);
    }
    assert_int_equal(runs, 1);
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
    assert_int_equal(runs, 1);
    answer = POST(.path = "big", .peer = 9, .block2 = &((struct coap_block){.num = 1, .szx = 6}));
    assert_code(&answer, COAP_408_INCOMPLETE);
    assert_int_equal(runs, 1);
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
    assert_int_equal(stored_len, len);
    assert_memory_equal(stored, body, len);
}

static void a_body_is_assembled(void **state) {
    (void)state;
    for (uint32_t num = 0; num < 10; num++) {
        struct answer answer = put_block(SERIAL, "config", num, 2, 600);
        assert_code(&answer, num < 9 ? COAP_231_CONTINUE : COAP_204_CHANGED);
        struct coap_block block = block_of(&answer, COAP_OPT_BLOCK1);
        assert_int_equal(block.num, num);
        assert_int_equal(block.more, num < 9);
        assert_int_equal(runs, num < 9 ? 0 : 1);
    }
    assert_stored(600);
    assert_string_equal(seen, "format 42");
}

static void a_body_is_streamed(void **state) {
    (void)state;
    for (uint32_t num = 0; num < 5; num++) {
        struct answer answer = put_block(SERIAL, "modules/0", num, 6, 5000);
        assert_code(&answer, num < 4 ? COAP_231_CONTINUE : COAP_201_CREATED);
    }
    assert_int_equal(runs, 5);
    assert_stored(5000);
    assert_string_equal(abandoned, "");
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
    assert_int_equal(runs, 3);
    assert_stored(3000);
}

static void block_0_starts_anew(void **state) {
    (void)state;
    (void)put_block(SERIAL, "modules/0", 0, 6, 5000);
    (void)put_block(SERIAL, "modules/0", 1, 6, 5000);
    struct answer answer = put_block(SERIAL, "modules/0", 0, 6, 5000);
    assert_code(&answer, COAP_231_CONTINUE);
    assert_string_equal(abandoned, "modules/0");
    for (uint32_t num = 1; num < 5; num++) {
        answer = put_block(SERIAL, "modules/0", num, 6, 5000);
    }
    assert_code(&answer, COAP_201_CREATED);
    assert_stored(5000);
}

static void another_client_has_to_wait(void **state) {
    (void)state;
    (void)put_block(SERIAL, "modules/0", 0, 6, 2000);
    fake_advance_us(20 * 1000000);
    struct answer answer = put_block(1, "modules/1", 0, 6, 2000);
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
    assert_string_equal(abandoned, "");
    fake_advance_us(60 * 1000000);
    assert_string_equal(abandoned, "modules/0");
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
    assert_int_equal(runs, 0);
    answer =
        PUT(.path = "modules/0", .payload = body, .len = 1024, .block1 = &first, .size1 = 1 + 50000);
    assert_code(&answer, COAP_413_TOO_LARGE);
    assert_int_equal(option_of(&answer, COAP_OPT_SIZE1), sizeof stored);
    assert_string_equal(abandoned, "modules/0");
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
    assert_int_equal(runs, 0);
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

/* ---- duplicates ------------------------------------------------------------------------- */

static void a_duplicate_post_is_not_run_again(void **state) {
    (void)state;
    struct answer first = POST(.path = "modules/0/control", .mid = 7, .token = "a");
    struct answer again = POST(.path = "modules/0/control", .mid = 7, .token = "a");
    assert_code(&again, COAP_204_CHANGED);
    assert_int_equal(again.len, first.len);
    assert_memory_equal(again.bytes, first.bytes, first.len);
    assert_int_equal(runs, 1);
}

static void a_long_answer_to_a_post_keeps_its_code(void **state) {
    (void)state;
    control_code = COAP_422_UNPROCESSABLE;
    struct answer first = POST(.path = "modules/0/control", .mid = 7);
    assert_int_equal(first.pdu.payload_len, 200);
    struct answer again = POST(.path = "modules/0/control", .mid = 7);
    assert_code(&again, COAP_422_UNPROCESSABLE);
    assert_int_equal(again.pdu.payload_len, 0);
    assert_int_equal(runs, 1);
}

static void the_same_id_from_elsewhere_is_another_request(void **state) {
    (void)state;
    (void)POST(.path = "modules/0/control", .mid = 7);
    (void)POST(.path = "modules/0/control", .mid = 7, .peer = 1);
    (void)POST(.path = "modules/1/control", .mid = 7); /* a client that was restarted */
    assert_int_equal(runs, 3);
}

static void a_large_get_may_be_run_again(void **state) {
    (void)state;
    (void)GET(.path = "big", .mid = 7);
    struct answer again = GET(.path = "big", .mid = 7);
    assert_slice(&again, 0, 1024);
}

static void a_duplicate_non_is_ignored(void **state) {
    (void)state;
    struct answer answer = POST(.path = "modules/0/control", .mid = 7, .type = COAP_NON);
    assert_code(&answer, COAP_204_CHANGED);
    answer = POST(.path = "modules/0/control", .mid = 7, .type = COAP_NON);
    assert_false(answer.present);
    assert_int_equal(runs, 1);
}

/* ---- Observe ---------------------------------------------------------------------------- */

#define OBSERVE(...) GET(.observe = 1 + 0, __VA_ARGS__)

static struct answer changed(uint8_t peer, const char *path) {
    fake_advance_us(COAP_OBSERVE_INTERVAL_MS * UINT64_C(1000));
    version++;
    coap_server_changed(path);
    fake_settle();
    return client_next(peer);
}

static void an_observer_hears_of_changes(void **state) {
    (void)state;
    struct answer answer = OBSERVE(.path = "out/0/features", .token = "obs");
    int64_t before = option_of(&answer, COAP_OPT_OBSERVE);
    assert_true(before >= 0);
    for (int i = 0; i < 3; i++) {
        answer = changed(SERIAL, "out/0/features");
        assert_code(&answer, COAP_205_CONTENT);
        assert_int_equal(answer.pdu.type, COAP_NON);
        assert_memory_equal(answer.pdu.token, "obs", 3);
        assert_true(option_of(&answer, COAP_OPT_OBSERVE) > before);
        before = option_of(&answer, COAP_OPT_OBSERVE);
    }
    assert_payload(&answer, "version 3");
    answer = changed(SERIAL, "out/0/other");
    assert_false(answer.present);
}

static void observers_on_both_links_hear_of_it(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "s");
    (void)OBSERVE(.path = "out/0/features", .token = "u", .peer = 1);
    (void)OBSERVE(.path = "out/0/features", .token = "u", .peer = 2);
    struct answer answer = changed(SERIAL, "out/0/features");
    assert_payload(&answer, "version 1");
    answer = client_next(1);
    assert_payload(&answer, "version 1");
    answer = client_next(2);
    assert_payload(&answer, "version 1");
}

static void a_reset_ends_an_observation(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "obs");
    struct answer answer = changed(SERIAL, "out/0/features");
    client_reply_empty(SERIAL, COAP_RST, answer.pdu.mid);
    answer = changed(SERIAL, "out/0/features");
    assert_false(answer.present);
    assert_int_equal(coap_observe_count(), 0);
}

static void observe_1_ends_an_observation_and_a_plain_get_does_not(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "obs");
    (void)GET(.path = "out/0/features", .token = "get");
    (void)GET(.path = "out/0/features", .token = "obs"); /* not even with the same token */
    assert_int_equal(coap_observe_count(), 1);
    struct answer answer = GET(.path = "out/0/features", .token = "obs", .observe = 1 + 1);
    assert_code(&answer, COAP_205_CONTENT);
    assert_int_equal(option_of(&answer, COAP_OPT_OBSERVE), -1);
    assert_int_equal(coap_observe_count(), 0);
}

static void only_observable_paths_without_a_query_are_observed(void **state) {
    (void)state;
    struct answer answer = OBSERVE(.path = "node", .token = "a");
    assert_code(&answer, COAP_205_CONTENT);
    assert_int_equal(option_of(&answer, COAP_OPT_OBSERVE), -1);
    answer = OBSERVE(.path = "out/0/features", .query = "since=1", .token = "b");
    assert_int_equal(option_of(&answer, COAP_OPT_OBSERVE), -1);
    answer = OBSERVE(.path = "out/0/missing", .token = "c");
    assert_code(&answer, COAP_404_NOT_FOUND);
    assert_int_equal(coap_observe_count(), 0);
}

static void a_ninth_observer_is_answered_plainly(void **state) {
    (void)state;
    struct answer answer = {0};
    for (uint8_t i = 0; i <= COAP_OBSERVERS_MAX; i++) {
        answer = OBSERVE(.path = "out/0/features", .token = "obs", .peer = (uint8_t)(i + 1));
        assert_code(&answer, COAP_205_CONTENT);
        assert_int_equal(option_of(&answer, COAP_OPT_OBSERVE) >= 0, i < COAP_OBSERVERS_MAX);
    }
    /* The others are asked whether they are still there. */
    answer = changed(1, "out/0/features");
    assert_int_equal(answer.pdu.type, COAP_CON);
}

static void every_32nd_notification_is_confirmable_and_must_be_answered(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "obs");
    struct answer answer = {0};
    for (int i = 1; i <= 2 * COAP_OBSERVE_CON_EVERY; i++) {
        answer = changed(SERIAL, "out/0/features");
        assert_code(&answer, COAP_205_CONTENT);
        assert_int_equal(answer.pdu.type, i % COAP_OBSERVE_CON_EVERY == 0 ? COAP_CON : COAP_NON);
        if (i == COAP_OBSERVE_CON_EVERY) {
            client_reply_empty(SERIAL, COAP_ACK, answer.pdu.mid);
        }
    }
    uint16_t mid = answer.pdu.mid;
    for (int i = 0; i < 4; i++) { /* at most 3 s, doubled each time (RFC 7252 section 4.2) */
        fake_advance_us(UINT64_C(3000000) << i);
        answer = client_next(SERIAL);
        assert_code(&answer, COAP_205_CONTENT);
        assert_int_equal(answer.pdu.type, COAP_CON);
        assert_int_equal(answer.pdu.mid, mid);
        assert_silence(SERIAL);
    }
    assert_int_equal(coap_observe_count(), 1);
    fake_advance_us(UINT64_C(3000000) << 4);
    assert_silence(SERIAL);
    assert_int_equal(coap_observe_count(), 0);
}

static struct answer until_confirmable(void) {
    struct answer answer;
    do {
        answer = changed(SERIAL, "out/0/features");
        assert_true(answer.present);
    } while (answer.pdu.type != COAP_CON);
    return answer;
}

static void a_change_while_a_con_waits_is_sent_with_the_retransmission(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "obs");
    struct answer answer = until_confirmable();
    uint16_t mid = answer.pdu.mid;
    answer = changed(SERIAL, "out/0/features");
    assert_false(answer.present); /* held back */
    fake_advance_us(3000000);
    answer = client_next(SERIAL);
    assert_int_equal(answer.pdu.type, COAP_CON);
    assert_int_not_equal(answer.pdu.mid, mid);
    assert_payload(&answer, "version 33");
    for (int i = 1; i < 4; i++) { /* three more, not four: the count went on */
        fake_advance_us(UINT64_C(3000000) << i);
        assert_true(client_next(SERIAL).present);
    }
    fake_advance_us(UINT64_C(3000000) << 4);
    assert_int_equal(coap_observe_count(), 0);
}

static void a_change_while_a_con_waits_is_sent_after_the_ack(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "obs");
    struct answer answer = until_confirmable();
    uint16_t mid = answer.pdu.mid;
    answer = changed(SERIAL, "out/0/features");
    assert_false(answer.present);
    client_reply_empty(SERIAL, COAP_ACK, mid);
    answer = client_next(SERIAL);
    assert_payload(&answer, "version 33");
    assert_int_equal(answer.pdu.type, COAP_NON);
}

static void a_deleted_resource_sends_its_last_word(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "obs");
    coap_server_gone("out/0/features");
    fake_settle();
    struct answer answer = client_next(SERIAL);
    assert_code(&answer, COAP_404_NOT_FOUND);
    assert_int_equal(answer.pdu.type, COAP_CON);
    assert_int_equal(option_of(&answer, COAP_OPT_OBSERVE), -1);
    client_reply_empty(SERIAL, COAP_ACK, answer.pdu.mid);
    assert_int_equal(coap_observe_count(), 0);
}

static void a_large_notification_begins_a_block_transfer(void **state) {
    (void)state;
    (void)OBSERVE(.path = "big", .token = "obs", .block2 = &((struct coap_block){.szx = 4}));
    struct answer answer = changed(SERIAL, "big");
    assert_slice(&answer, 0, 256);
    assert_true(option_of(&answer, COAP_OPT_OBSERVE) > 0);
    unsigned made = runs;
    answer = GET(.path = "big", .token = "more", .block2 = &((struct coap_block){.num = 1, .szx = 4}));
    assert_slice(&answer, 256, 256);
    assert_int_equal(option_of(&answer, COAP_OPT_OBSERVE), -1);
    assert_int_equal(runs, made);
}

/* Changes come faster than the line can carry them: the newest is sent when there is room. */
static void a_slow_line_skips_states(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "obs");
    fake_uart_tx_cap(8);
    for (int i = 0; i < 10; i++) {
        version++;
        coap_server_changed("out/0/features");
        fake_settle();
    }
    struct answer answer = client_next(SERIAL); /* was being sent */
    assert_payload(&answer, "version 1");
    fake_advance_us(COAP_OBSERVE_INTERVAL_MS * UINT64_C(1000));
    answer = client_next(SERIAL);
    assert_payload(&answer, "version 10");
    assert_silence(SERIAL);
}

/* ---- the line --------------------------------------------------------------------------- */

static uint32_t frames_dropped(void) {
    struct link_counters counters;
    link_get_counters(&counters);
    return counters.frames_dropped;
}

static void after_noise_the_next_request_is_answered(void **state) {
    (void)state;
    static const char *const noise[] = {"\x01garbage", "\xc0\xa9short", "\xdb\xdb\xdb", "\xc0\xdb",
                                        "\xa9\xdb\x07 \xa9"};
    for (size_t i = 0; i < sizeof noise / sizeof noise[0]; i++) {
        uint32_t before = frames_dropped();
        fake_uart_put(noise[i], strlen(noise[i]));
        struct answer answer = GET(.path = "node");
        assert_code(&answer, COAP_205_CONTENT);
        assert_int_equal(frames_dropped(), before + 1);
    }
}

static void a_request_may_come_byte_by_byte(void **state) {
    (void)state;
    uint8_t message[64], frame[80], line[160];
    struct slip_encoder encoder;
    size_t len =
        client_build(&(struct ask){.method = COAP_GET, .path = "node"}, message, sizeof message);
    slip_encoder_init(&encoder, frame, slipmux_put_message(frame, sizeof frame, message, len));
    len = slip_encode(&encoder, line, sizeof line);
    for (size_t i = 0; i < len; i++) {
        assert_silence(SERIAL);
        fake_uart_put(line + i, 1);
        fake_settle();
    }
    struct answer answer = client_next(SERIAL);
    assert_code(&answer, COAP_205_CONTENT);
}

static void an_answer_waits_for_room_and_the_next_request_for_the_answer(void **state) {
    (void)state;
    uint8_t message[64];
    fake_uart_tx_cap(100); /* less than one block */
    for (int i = 0; i < 3; i++) {
        client_send(
            SERIAL, message,
            client_build(&(struct ask){.method = COAP_GET, .path = "big"}, message, sizeof message));
    }
    for (int i = 0; i < 3; i++) {
        struct answer answer = client_next(SERIAL);
        assert_slice(&answer, 0, 1024);
    }
    assert_silence(SERIAL);
}

static void a_line_that_nobody_reads_does_not_stop_udp(void **state) {
    (void)state;
    uint8_t message[64];
    fake_uart_tx_cap(10);
    for (int i = 0; i < 3; i++) {
        client_send(
            SERIAL, message,
            client_build(&(struct ask){.method = COAP_GET, .path = "big"}, message, sizeof message));
    }
    (void)GET(.path = "node", .peer = 1);
    fake_advance_us(10 * 1000000);
    struct answer answer = GET(.path = "node", .peer = 1);
    assert_code(&answer, COAP_205_CONTENT);
}

static void malformed_messages_are_rejected_or_ignored(void **state) {
    (void)state;
    static const uint8_t con[] = {0x49, 0x01, 0x00, 0x05}, non[] = {0x59, 0x01, 0x00, 0x05},
                         version_2[] = {0x80, 0x01, 0x00, 0x05}, response[] = {0x40, 0x45, 0x00, 0x06};
    client_send(1, con, sizeof con);
    struct answer answer = client_next(1);
    assert_int_equal(answer.pdu.type, COAP_RST);
    assert_int_equal(answer.pdu.mid, 5);
    client_send(1, non, sizeof non);
    assert_silence(1);
    client_send(1, version_2, sizeof version_2);
    assert_silence(1);
    client_send(1, response, sizeof response); /* nobody waits for one */
    answer = client_next(1);
    assert_int_equal(answer.pdu.type, COAP_RST);
}

static void replies_of_a_wrong_form_are_ignored(void **state) {
    (void)state;
    (void)OBSERVE(.path = "out/0/features", .token = "t", .peer = 1);
    struct answer answer = changed(1, "out/0/features");
    uint8_t mid[2] = {(uint8_t)(answer.pdu.mid >> 8), (uint8_t)answer.pdu.mid};
    const uint8_t full_reset[] = {0x70, 0x45, mid[0], mid[1]},
                  token_reset[] = {0x71, 0, mid[0], mid[1], 1};
    client_send(1, full_reset, sizeof full_reset);
    client_send(1, token_reset, sizeof token_reset);
    assert_int_equal(coap_observe_count(), 1);
    coap_server_gone("out/0/features");
    fake_settle();
    answer = client_next(1);
    const uint8_t request_ack[] = {0x60, 0x01, (uint8_t)(answer.pdu.mid >> 8), (uint8_t)answer.pdu.mid};
    client_send(1, request_ack, sizeof request_ack);
    assert_int_equal(coap_observe_count(), 1); /* still to be acknowledged */
    client_reply_empty(1, COAP_ACK, answer.pdu.mid);
    assert_int_equal(coap_observe_count(), 0);
    assert_silence(1);
}

static void two_udp_clients_get_their_own_answers(void **state) {
    (void)state;
    uint8_t message[64];
    fake_udp_put(1, message,
                 client_build(&(struct ask){.method = COAP_GET, .path = "node", .token = "1"}, message,
                              sizeof message));
    fake_udp_put(2, message,
                 client_build(&(struct ask){.method = COAP_GET, .path = "nope", .token = "2"}, message,
                              sizeof message));
    fake_settle();
    struct answer answer = client_next(2);
    assert_code(&answer, COAP_404_NOT_FOUND);
    assert_memory_equal(answer.pdu.token, "2", 1);
    answer = client_next(1);
    assert_code(&answer, COAP_205_CONTENT);
    assert_memory_equal(answer.pdu.token, "1", 1);
}

#define T(test) cmocka_unit_test_setup(test, fresh)
#define B(test) cmocka_unit_test_setup(test, fresh_body)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_get_is_answered_on_its_ack),
        T(a_non_is_answered_with_a_non),
        T(a_ping_gets_a_reset),
        T(paths_and_queries_reach_the_handler),
        T(errors_say_why),
        T(an_unknown_critical_option_is_named),
        T(well_known_core_lists_what_exists),
        T(well_known_core_comes_in_blocks),
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
        T(a_duplicate_post_is_not_run_again),
        T(a_long_answer_to_a_post_keeps_its_code),
        T(the_same_id_from_elsewhere_is_another_request),
        T(a_large_get_may_be_run_again),
        T(a_duplicate_non_is_ignored),
        T(an_observer_hears_of_changes),
        T(observers_on_both_links_hear_of_it),
        T(a_reset_ends_an_observation),
        T(observe_1_ends_an_observation_and_a_plain_get_does_not),
        T(only_observable_paths_without_a_query_are_observed),
        T(a_ninth_observer_is_answered_plainly),
        T(every_32nd_notification_is_confirmable_and_must_be_answered),
        T(a_change_while_a_con_waits_is_sent_with_the_retransmission),
        T(a_change_while_a_con_waits_is_sent_after_the_ack),
        T(a_deleted_resource_sends_its_last_word),
        T(a_large_notification_begins_a_block_transfer),
        T(a_slow_line_skips_states),
        T(after_noise_the_next_request_is_answered),
        T(a_request_may_come_byte_by_byte),
        T(an_answer_waits_for_room_and_the_next_request_for_the_answer),
        T(a_line_that_nobody_reads_does_not_stop_udp),
        T(malformed_messages_are_rejected_or_ignored),
        T(replies_of_a_wrong_form_are_ignored),
        T(two_udp_clients_get_their_own_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
