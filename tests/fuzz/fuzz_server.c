/* The whole server stack: raw and well-formed messages over both links, a line without room, lost
 * acknowledgements, changes, deletions and time that jumps. What it sends must be well-formed and be
 * for someone who asked; in the end it must be as ready as in the beginning.
 *
 * An input is a list of steps: a byte that says what, then what that needs. */
#include "fuzz.h"

#include <string.h>

#include "coap_client.h"
#include "net/slipmux.h"

#define STEPS_MAX 96
#define PEERS 4
#define ASKED_MAX 256
#define FRESH_PEER 9

/* ---- a node whose handlers read all that they are given --------------------------------- */

static const char *const paths[] = {
    "node",    "out/0/features", "modules/0", "modules/1/config", ".well-known/core",
    "nowhere", "later",          "log"};

static size_t representation_len; /* what a GET gives now */

static void handle_any(const struct coap_request *request, struct coap_response *response) {
    read_request(request);
    bool is_get = request->method == COAP_GET;
    response->code = is_get ? COAP_205_CONTENT : COAP_204_CHANGED;
    response->format = is_get ? COAP_FORMAT_OCTETS : COAP_FORMAT_NONE;
    response->len = is_get ? representation_len : 0;
    response->has_etag = is_get && representation_len % 32 == 0;
    memset(response->body, 'b', response->len);
    if (request->method == COAP_POST) {
        coap_locate(response, "jobs/%s?n=%u", request->path, (unsigned)request->len);
        coap_server_changed("out/0/features"); /* from inside a handler */
    }
}

static struct coap_deferral *deferral; /* an answer that is owed */

static void complete(void) {
    struct coap_response response;
    if (deferral != NULL) {
        coap_deferred_begin(deferral, &response);
        response.code = COAP_205_CONTENT;
        response.len = representation_len < response.cap ? representation_len : response.cap;
        memset(response.body, 'l', response.len);
        coap_complete(deferral, &response);
        deferral = NULL;
    }
}

/* DELETE is answered from inside the handler, the others in a step of their own. */
static void handle_later(const struct coap_request *request, struct coap_response *response) {
    struct coap_deferral *of = coap_defer(request, response);
    FUZZ_CHECK(of == NULL || deferral == NULL);
    deferral = of != NULL ? of : deferral;
    if (of != NULL && request->method == COAP_DELETE) {
        complete();
    }
}

static void list(void (*emit)(void *arg, const char *path), void *arg) {
    emit(arg, "out/0/features");
}

#define ALL (1 << COAP_GET | 1 << COAP_PUT | 1 << COAP_POST | 1 << COAP_DELETE)

static const struct coap_resource table[] = {
    {.path = "node", .attributes = "rt=\"wasmote.node\"", .methods = ALL, .handle = handle_any},
    {.path = "later", .attributes = "", .methods = ALL, .handle = handle_later},
    {.path = "log", .attributes = "", .methods = ALL, .flags = COAP_OBSERVABLE, .handle = handle_any},
    {.path = "modules/*",
     .attributes = "",
     .methods = ALL,
     .flags = COAP_STREAMED,
     .handle = handle_any},
    {.path = "modules/*/*", .attributes = "", .methods = ALL, .handle = handle_any},
    {.path = "out/*/*",
     .attributes = "rt=\"a b\"",
     .methods = ALL,
     .flags = COAP_OBSERVABLE,
     .handle = handle_any,
     .list = list},
};

/* ---- who asked for what ----------------------------------------------------------------- */

static struct { uint8_t peer, len, bytes[COAP_TOKEN_MAX]; } asked[ASKED_MAX];
static size_t asked_count;

static void remember(uint8_t peer, const uint8_t *message, size_t len) {
    struct coap_pdu pdu;
    if (coap_parse(message, len, &pdu) == WM_OK && asked_count < ASKED_MAX) {
        asked[asked_count].peer = peer;
        asked[asked_count].len = pdu.token_len;
        memcpy(asked[asked_count++].bytes, pdu.token, pdu.token_len);
    }
}

static bool has_asked(uint8_t peer, const struct coap_pdu *pdu) {
    for (size_t i = 0; i < asked_count; i++) {
        if (asked[i].peer == peer && asked[i].len == pdu->token_len &&
            memcmp(asked[i].bytes, pdu->token, pdu->token_len) == 0) {
            return true;
        }
    }
    return asked_count == ASKED_MAX;
}

/* ---- what the node sends ---------------------------------------------------------------- */

static uint16_t newest_mid[PEERS];

/* Over UDP three bytes go out for one that came in, until a peer has named a message ID of the node. */
static size_t heard[PEERS], told[PEERS];
static bool may_be_proven[PEERS];

static void count_heard(uint8_t peer, const uint8_t *message, size_t len) {
    struct coap_pdu pdu;
    heard[peer] += len;
    may_be_proven[peer] |= coap_parse(message, len, &pdu) == WM_OK && pdu.type >= COAP_ACK;
}

static void count_told(uint8_t peer, size_t len) {
    told[peer] += len;
    FUZZ_CHECK(peer == SERIAL || may_be_proven[peer] || told[peer] <= 3 * heard[peer]);
}

static struct slipmux from_node, to_node;

static void check_sent(uint8_t peer, const uint8_t *bytes, size_t len) {
    struct coap_pdu pdu;
    FUZZ_CHECK(len <= COAP_PDU_MAX);
    count_told(peer, len);
    FUZZ_CHECK(coap_parse(bytes, len, &pdu) == WM_OK);
    newest_mid[peer] = pdu.mid;
    if (COAP_CODE_CLASS(pdu.code) == 0) {
        FUZZ_CHECK(pdu.code == COAP_CODE_EMPTY && pdu.type != COAP_NON);
    } else {
        FUZZ_CHECK(pdu.type != COAP_RST && has_asked(peer, &pdu));
    }
}

static void take_from_line(void) {
    uint8_t byte;
    const uint8_t *content;
    size_t len;
    while (fake_uart_take(&byte, 1) == 1) {
        if (slipmux_receive(&from_node, byte, &content, &len) == SLIPMUX_MESSAGE) {
            check_sent(SERIAL, content, len);
        }
    }
}

/* This line loses nothing: whatever is damaged was sent so. */
static bool line_is_clean(void) {
    const struct slipmux_counters *dropped = &from_node.dropped;
    return dropped->bad_escape + dropped->aborted + dropped->oversize + dropped->bad_fcs +
               dropped->unknown_kind ==
           0;
}

static void take_sent(void) {
    static uint8_t bytes[2048];
    size_t len;
    for (uint8_t peer = 1; peer < PEERS; peer++) {
        while ((len = fake_udp_take(peer, bytes, sizeof bytes)) > 0) {
            check_sent(peer, bytes, len);
        }
    }
    while (fake_uart_sent() > 0) {
        take_from_line();
        fake_settle();
    }
    FUZZ_CHECK(line_is_clean());
}

/* ---- steps ------------------------------------------------------------------------------ */

/* To the line go bytes: what the node will make of them is what a second decoder makes of them. */
static void put_line(const uint8_t *bytes, size_t len) {
    const uint8_t *content;
    size_t content_len;
    for (size_t i = 0; i < len; i++) {
        if (slipmux_receive(&to_node, bytes[i], &content, &content_len) == SLIPMUX_MESSAGE) {
            remember(SERIAL, content, content_len);
        }
    }
    fake_uart_put(bytes, len);
    fake_settle();
}

static void send_message(uint8_t peer, const uint8_t *message, size_t len) {
    if (peer == SERIAL) {
        uint8_t line[2 * SLIPMUX_FRAME_MAX + 2];
        put_line(line, client_frame(message, len, line, sizeof line));
        return;
    }
    remember(peer, message, len);
    count_heard(peer, message, len);
    fake_udp_put(peer, message, len);
    fake_settle();
}

static void send_raw(struct fuzz_input *input, uint8_t peer) {
    size_t len;
    const uint8_t *message = fuzz_bytes(input, fuzz_u8(input) * 6u, &len);
    send_message(peer, message, len);
}

static void send_raw_line(struct fuzz_input *input) {
    size_t len;
    const uint8_t *bytes = fuzz_bytes(input, fuzz_u8(input), &len);
    put_line(bytes, len);
}

static void send_request(struct fuzz_input *input, uint8_t peer) {
    static const char *const tokens[] = {NULL, "a", "bb", "12345678", "c", "d", "e", "f"};
    static const char *const queries[] = {NULL, "since=1", "rt=wasmote*", "href=/out*"};
    static const struct coap_option extras[] = {
        {COAP_OPT_IF_MATCH, NULL, 0},
        {COAP_OPT_IF_MATCH, (const uint8_t *)"etag", 4},
        {COAP_OPT_ETAG, (const uint8_t *)"etag", 4},
        {COAP_OPT_IF_NONE_MATCH, NULL, 0},
    };
    static const uint8_t filler[64];
    uint8_t message[512];
    uint8_t what = fuzz_u8(input), how = fuzz_u8(input), number = fuzz_u8(input);
    struct coap_block block = {.num = number & 15, .more = number & 16, .szx = number >> 5};
    struct ask ask = {.peer = peer,
                      .type = how & 1 ? COAP_NON : COAP_CON,
                      .method = 1 + (what >> 3 & 3),
                      .mid = how & 2 ? 1 + (number & 7) : 0,
                      .token = tokens[what >> 5],
                      .path = paths[what & 7],
                      .query = queries[how >> 2 & 3],
                      .observe = how >> 4 & 3,
                      .accept = how & 64 ? 1 + 42 : 0,
                      .block1 = how & 128 && what & 16 ? &block : NULL,
                      .block2 = how & 128 && !(what & 16) ? &block : NULL,
                      .payload = filler,
                      .len = what & 16 ? sizeof filler : 0};
    if (!(how & 128) && number & 4) {
        ask.extra[0] = extras[number & 3];
    }
    send_message(peer, message, client_build(&ask, message, sizeof message));
}

static void send_empty(uint8_t peer, enum coap_type type) {
    uint8_t empty[COAP_HEADER_BYTES];
    coap_build_empty(empty, type, newest_mid[peer]);
    send_message(peer, empty, sizeof empty);
}

static void move_time(uint8_t how) {
    static const uint32_t spans_ms[] = {1, 100, 1600, 3200, 50000, 61000, 250000, 90000000};
    uint64_t span = UINT64_C(1000) * spans_ms[how & 7];
    if ((how & 7) < 4) {
        fake_advance_us(span);
    } else {
        fake_jump_us(span);
    }
}

static void take_step(struct fuzz_input *input) {
    uint8_t what = fuzz_u8(input), peer = what >> 6;
    switch (what & 15) {
    case 0:
        send_raw(input, peer);
        break;
    case 1:
        send_raw_line(input);
        break;
    case 2:
        move_time(fuzz_u8(input));
        break;
    case 3:
        send_empty(peer, what & 32 ? COAP_RST : COAP_ACK);
        break;
    case 4:
        coap_server_changed(paths[fuzz_u8(input) & 7]);
        fake_settle();
        break;
    case 5:
        coap_server_gone(paths[fuzz_u8(input) & 7]);
        fake_settle();
        break;
    case 6:
        fake_uart_tx_cap(fuzz_u8(input));
        fake_settle();
        break;
    case 7:
        fake_udp_status = what & 16 ? WM_EIO : WM_OK;
        break;
    case 8:
        representation_len = fuzz_u8(input) * 16u;
        break;
    case 9:
        take_sent();
        break;
    case 10:
        complete();
        fake_settle();
        break;
    default:
        send_request(input, peer);
        break;
    }
}

/* ---- in the end ------------------------------------------------------------------------- */

/* Past every retransmission (RFC 7252 section 4.8.2: MAX_TRANSMIT_SPAN 45 s) and time-out; one client
 * may have nine exchanges to wait for, one after the other (NSTART). */
#define SPANS_OF_QUIET 64

static void wait_for_quiet(void) {
    fake_uart_tx_cap(FAKE_RING_BYTES);
    fake_udp_status = WM_OK;
    for (int i = 0; i < SPANS_OF_QUIET; i++) {
        fake_jump_us(UINT64_C(100000000));
        complete();
        fake_settle();
        take_sent();
    }
}

/* A separate response (RFC 7252 section 5.2.2): an empty ACK, then a message of its own. */
static void check_can_defer(void) {
    struct answer answer =
        client_ask(&(struct ask){.peer = FRESH_PEER, .method = COAP_GET, .path = "later"});
    FUZZ_CHECK(answer.present && answer.pdu.type == COAP_ACK && answer.pdu.code == COAP_CODE_EMPTY);
    complete();
    fake_settle();
    answer = client_next(FRESH_PEER);
    FUZZ_CHECK(answer.present && answer.pdu.type == COAP_CON && answer.pdu.code == COAP_205_CONTENT);
    client_reply_empty(FRESH_PEER, COAP_ACK, answer.pdu.mid);
}

static void check_ready(void) {
    struct coap_block block = {.more = true, .szx = 2};
    static const uint8_t payload[64];
    struct ask get = {.peer = FRESH_PEER, .method = COAP_GET, .path = "node"};
    struct ask put = {.peer = FRESH_PEER,
                      .method = COAP_PUT,
                      .path = "modules/0",
                      .block1 = &block,
                      .payload = payload,
                      .len = sizeof payload};
    representation_len = 5;
    struct answer answer = client_ask(&get);
    FUZZ_CHECK(answer.present && answer.pdu.code == COAP_205_CONTENT);
    answer = client_ask(&put);
    FUZZ_CHECK(answer.present && answer.pdu.code == COAP_231_CONTINUE);
    check_can_defer();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, data + size};
    asked_count = 0;
    deferral = NULL;
    representation_len = 5;
    memset(newest_mid, 0, sizeof newest_mid);
    memset(heard, 0, sizeof heard);
    memset(told, 0, sizeof told);
    memset(may_be_proven, 0, sizeof may_be_proven);
    slipmux_init(&from_node);
    slipmux_init(&to_node);
    client_start(table, sizeof table / sizeof table[0]);
    for (size_t steps = 0; steps < STEPS_MAX && fuzz_left(&input) > 0; steps++) {
        take_step(&input);
    }
    wait_for_quiet();
    check_ready();
    return 0;
}
