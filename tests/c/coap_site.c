#include "coap_site.h"

#include <stdio.h>

struct site site;

/* ---- resources -------------------------------------------------------------------------- */

static void get_text(const struct coap_request *request, struct coap_response *response) {
    site.runs++;
    snprintf(site.seen, sizeof site.seen, "%s?%s", request->path, request->query);
    response->code = COAP_205_CONTENT;
    response->format = COAP_FORMAT_TEXT;
    response->len = (size_t)snprintf((char *)response->body, response->cap, "version %u", site.version);
}

/* A body whose every byte tells its place and its version. */
uint8_t big_byte(size_t at) {
    return (uint8_t)(at * 7 + at / 256 + site.version);
}

static void get_big(const struct coap_request *request, struct coap_response *response) {
    (void)request;
    site.runs++;
    response->code = COAP_205_CONTENT;
    response->format = COAP_FORMAT_OCTETS;
    response->len = site.big_len;
    for (size_t i = 0; i < site.big_len; i++) {
        response->body[i] = big_byte(i);
    }
}

static void put_assembled(const struct coap_request *request, struct coap_response *response) {
    site.runs++;
    site.stored_len = request->len;
    memcpy(site.stored, request->payload, request->len);
    snprintf(site.seen, sizeof site.seen, "format %d", request->format);
    response->code = COAP_204_CHANGED;
}

static void put_streamed(const struct coap_request *request, struct coap_response *response) {
    site.runs++;
    if (request->offset == 0) {
        site.stored_len = 0;
    }
    if (request->total > sizeof site.stored || request->offset + request->len > sizeof site.stored) {
        coap_fail(response, COAP_413_TOO_LARGE, "too large");
        response->max_size = sizeof site.stored;
        return;
    }
    assert_int_equal(request->offset, site.stored_len);
    memcpy(site.stored + site.stored_len, request->payload, request->len);
    site.stored_len += request->len;
    response->code = COAP_201_CREATED;
}

static void abandon(const char *path) {
    snprintf(site.abandoned, sizeof site.abandoned, "%s", path);
}

static void post_control(const struct coap_request *request, struct coap_response *response) {
    site.runs++;
    snprintf(site.seen, sizeof site.seen, "%s %s", request->wild[0], request->path);
    response->code = site.control_code;
    if (site.control_code >= COAP_400_BAD_REQUEST) {
        coap_fail(response, site.control_code, "%0200d", 0);
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

int fresh(void **state) {
    (void)state;
    site = (struct site){.big_len = 3000, .control_code = COAP_204_CHANGED};
    client_start(table, sizeof table / sizeof table[0]);
    return 0;
}

/* ---- assertions ------------------------------------------------------------------------- */

void assert_code(const struct answer *answer, uint8_t code) {
    assert_true(answer->present);
    assert_int_equal(answer->pdu.code, code);
}

void assert_payload(const struct answer *answer, const char *text) {
    assert_true(answer->present);
    assert_int_equal(answer->pdu.payload_len, strlen(text));
    assert_memory_equal(answer->pdu.payload, text, strlen(text));
}

void assert_silence(uint8_t peer) {
    struct answer answer = client_next(peer);
    assert_false(answer.present);
}

bool payload_holds(const struct answer *answer, const char *text) {
    char copy[2048];
    snprintf(copy, sizeof copy, "%.*s", (int)answer->pdu.payload_len, (const char *)answer->pdu.payload);
    return strstr(copy, text) != NULL;
}

void assert_slice(const struct answer *answer, size_t offset, size_t len) {
    assert_code(answer, COAP_205_CONTENT);
    assert_int_equal(answer->pdu.payload_len, len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(answer->pdu.payload[i], big_byte(offset + i));
    }
}
