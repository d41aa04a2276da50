/* 200,000 damaged messages through the whole stack, the same ones in every run: nothing may crash,
 * nothing may be sent that is not a well-formed message, and the node must still answer at the end. */
#include "cmocka_all.h"

#include <string.h>

#include "coap_client.h"
#include "mutation.h"

#define ROUNDS 200000
#define SEEDS_MAX 32

static struct {
    uint8_t bytes[1500];
    size_t len;
} seeds[SEEDS_MAX];
static size_t seed_count;

/* ---- a node whose handlers read all that they are given --------------------------------- */

static struct coap_deferral *waiting;
static bool calm; /* nothing is put off any more */

/* What was put off is answered while the next request is on its way. */
static void answer_late(void) {
    struct coap_response response;
    coap_deferred_begin(waiting, &response);
    response.code = random_below(2) == 0 ? COAP_205_CONTENT : COAP_422_UNPROCESSABLE;
    response.len = random_below(COAP_DEFERRED_BODY_MAX + 1);
    memset(response.body, 'l', response.len);
    coap_complete(waiting, &response);
    waiting = NULL;
}

static void handle_any(const struct coap_request *request, struct coap_response *response) {
    read_request(request);
    if (waiting != NULL && random_below(2) == 0) {
        answer_late();
    } else if (!calm && random_below(8) == 0) {
        struct coap_deferral *deferral = coap_defer(request, response);
        waiting = deferral != NULL ? deferral : waiting;
        return;
    }
    response->has_etag = true;
    if (request->method == COAP_POST) {
        coap_locate(response, "%s?%s", request->path, request->query);
    }
    response->code = request->method == COAP_GET ? COAP_205_CONTENT : COAP_204_CHANGED;
    response->format = request->method == COAP_GET ? COAP_FORMAT_OCTETS : COAP_FORMAT_NONE;
    response->len = request->method == COAP_GET ? 1 + strlen(request->path) * 97 : 0;
    memset(response->body, 'b', response->len);
    if (random_below(4) == 0) {
        coap_server_changed("out/0/features");
    }
}

#define ALL (1 << COAP_GET | 1 << COAP_PUT | 1 << COAP_POST | 1 << COAP_DELETE)

static const struct coap_resource table[] = {
    {.path = "node", .attributes = "rt=\"wasmote.node\"", .methods = ALL, .handle = handle_any},
    {.path = "modules/*",
     .attributes = "",
     .methods = ALL,
     .flags = COAP_STREAMED,
     .handle = handle_any},
    {.path = "modules/*/*", .attributes = "", .methods = ALL, .handle = handle_any},
    {.path = "out/*/*",
     .attributes = "",
     .methods = ALL,
     .flags = COAP_OBSERVABLE,
     .handle = handle_any},
};

/* ---- seeds ------------------------------------------------------------------------------ */

static uint8_t payload[1024];

static void seed(const struct ask *ask) {
    seeds[seed_count].len = client_build(ask, seeds[seed_count].bytes, sizeof seeds[0].bytes);
    assert_true(seeds[seed_count].len > 0);
    seed_count++;
}

#define SEED(...) seed(&(struct ask){__VA_ARGS__})

static void make_seeds(void) {
    SEED(.method = COAP_GET, .path = "node", .token = "tokn", .accept = 43);
    SEED(.method = COAP_GET, .path = ".well-known/core", .query = "rt=wasmote*");
    SEED(.method = COAP_GET, .path = ".well-known/core", .query = "href=/node");
    SEED(.method = COAP_GET, .path = "out/0/features", .observe = 1, .token = "obs");
    SEED(.method = COAP_GET, .path = "out/0/features", .observe = 2, .token = "obs");
    SEED(.method = COAP_GET, .path = "out/0/features", .query = "since=12");
    SEED(.method = COAP_GET, .path = "out/0/features",
         .block2 = &((struct coap_block){.num = 1, .szx = 4}));
    SEED(.method = COAP_POST, .path = "modules/0/control", .payload = "\xa1\x00\x02", .len = 3);
    SEED(.method = COAP_DELETE, .path = "modules/1", .type = COAP_NON, .token = "12345678");
    SEED(.method = COAP_GET, .path = "node", .extra = {{COAP_OPT_ETAG, payload, 4}});
    SEED(.method = COAP_PUT, .path = "node", .extra = {{COAP_OPT_IF_MATCH, payload, 4}});
    SEED(.method = COAP_PUT, .path = "node", .extra = {{COAP_OPT_IF_NONE_MATCH, NULL, 0}});
    SEED(.method = COAP_PUT, .path = "modules/1", .payload = payload, .len = 64,
         .block1 = &((struct coap_block){.more = true, .szx = 2}),
         .extra = {{COAP_OPT_REQUEST_TAG, payload, 2}, {COAP_OPT_REQUEST_TAG, payload, 1}});
    for (uint32_t num = 0; num < 4; num++) {
        struct coap_block block = {.num = num, .more = num < 3, .szx = 2};
        SEED(.method = COAP_PUT, .path = "modules/0", .payload = payload, .len = 64, .block1 = &block,
             .format = 65002, .size1 = 257);
        SEED(.method = COAP_PUT, .path = "modules/0/config", .payload = payload, .len = 64,
             .block1 = &block);
    }
    coap_build_empty(seeds[seed_count].bytes, COAP_CON, 5);
    seeds[seed_count++].len = COAP_HEADER_BYTES;
    coap_build_empty(seeds[seed_count].bytes, COAP_ACK, 5);
    seeds[seed_count++].len = COAP_HEADER_BYTES;
    coap_build_empty(seeds[seed_count].bytes, COAP_RST, 5);
    seeds[seed_count++].len = COAP_HEADER_BYTES;
}

/* ---- damage ----------------------------------------------------------------------------- */

static void damage(uint8_t *message, size_t *len, size_t cap) {
    for (uint32_t times = random_below(4); times > 0 && *len > 0; times--) {
        if (random_below(5) == 0) {
            *len = random_below(*len + 1);
        } else {
            mutate(message, len, cap, 40); /* options are in front */
        }
    }
}

/* ---- what the node sends ---------------------------------------------------------------- */

static uint32_t answers;

static void check_answers(uint8_t peer) {
    static uint8_t bytes[2048];
    struct coap_pdu pdu;
    size_t len;
    if (peer != SERIAL) {
        while ((len = fake_udp_take(peer, bytes, sizeof bytes)) > 0) {
            assert_int_equal(coap_parse(bytes, len, &pdu), WM_OK);
            answers++;
        }
        return;
    }
    for (struct answer answer = client_next(SERIAL); answer.len > 0; answer = client_next(SERIAL)) {
        assert_true(answer.present);
        answers++;
    }
}

/* On the serial line one frame in eight is damaged after the checksum as well. */
static void send_damaged(uint8_t peer, uint8_t *message, size_t len) {
    if (peer != SERIAL || random_below(8) > 0) {
        client_send(peer, message, len);
        return;
    }
    uint8_t line[3300];
    size_t line_len = client_frame(message, len, line, sizeof line);
    line[random_below(line_len)] = telling_byte();
    fake_uart_put(line, line_len);
    fake_settle();
}

static void nothing_that_is_sent_brings_the_node_down(void **unused) {
    (void)unused;
    static uint8_t message[1500];
    client_start(table, sizeof table / sizeof table[0]);
    make_seeds();
    for (uint32_t round = 0; round < ROUNDS; round++) {
        size_t pick = random_below(seed_count), len = seeds[pick].len;
        uint8_t peer = (uint8_t)random_below(4);
        memcpy(message, seeds[pick].bytes, len);
        message[3] = (uint8_t)random_below(256); /* not all of them duplicates */
        damage(message, &len, sizeof message);
        send_damaged(peer, message, len);
        check_answers(peer);
        if (random_below(64) == 0) {
            fake_advance_us(random_below(2000000));
        }
    }
    calm = true;
    assert_in_range(answers, ROUNDS / 4, 2 * ROUNDS); /* it was a conversation */
    for (uint8_t peer = 0; peer < 4; peer++) {
        check_answers(peer);
        struct answer answer =
            client_ask(&(struct ask){.method = COAP_GET, .path = "node", .peer = peer, .mid = 0xbeef});
        assert_true(answer.present);
        assert_int_equal(answer.pdu.code, COAP_205_CONTENT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_that_is_sent_brings_the_node_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
