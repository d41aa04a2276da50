/* Block-wise transfers (RFC 7959): up to four clients upload and fetch in any order, with gaps,
 * repetitions, changed sizes and pauses, through the whole stack. The content of every byte tells
 * whose it is and where it belongs, so that a body made of two is found.
 *
 * An input is a list of steps of four bytes: who, how, which block, how long (see struct step). */
#include "fuzz.h"

#include <string.h>

#include "coap_client.h"

#define STEPS_MAX 256
#define PEERS 4 /* the serial line and three UDP clients */
#define PATHS 4

static const char *const paths[PATHS] = {"whole", "stream", "limited", "answer"};

struct step {
    uint8_t peer, path, method;
    bool repeat, pause, changes;
    uint8_t szx;
    bool block1, more, block2, is_short, tagged;
    uint8_t which, length;
};

static struct step next_step(struct fuzz_input *input) {
    static const uint8_t methods[] = {COAP_PUT, COAP_GET, COAP_POST, COAP_DELETE};
    uint8_t who = fuzz_u8(input), how = fuzz_u8(input);
    uint8_t special = who >> 6; /* 0, 1: a request */
    return (struct step){.peer = who & 3,
                         .path = who >> 2 & 3,
                         .method = methods[who >> 4 & 3],
                         .repeat = special == 2,
                         .pause = special == 3 && !(who & 4),
                         .changes = special == 3 && (who & 4),
                         .szx = how & 7,
                         .block1 = how & 8,
                         .more = how & 16,
                         .block2 = how & 32,
                         .is_short = how & 64,
                         .tagged = how & 128,
                         .which = fuzz_u8(input),
                         .length = fuzz_u8(input)};
}

/* ---- the content ------------------------------------------------------------------------ */

/* What a client puts at an offset of its n-th upload to a path. */
static uint8_t upload_byte(uint8_t peer, uint8_t path, uint8_t nth, uint32_t offset) {
    return (uint8_t)((peer * 59u + path * 101u + nth * 7u) ^ (offset * 167u >> 3));
}

/* What version n of a representation has at an offset: the version can be told from any byte. */
static uint8_t body_byte(uint8_t version, uint32_t offset) {
    return (uint8_t)(version + (offset >> 4) * 3);
}

static uint8_t version_of(uint8_t byte, uint32_t offset) {
    return (uint8_t)(byte - (offset >> 4) * 3);
}

/* ---- the node --------------------------------------------------------------------------- */

static struct {
    uint8_t uploads[PEERS][PATHS]; /* begun so far: tells the content of the present one */
    uint32_t next[PEERS][PATHS];   /* offset behind the last block that was sent */
    uint8_t version;               /* of every representation */
    bool streaming;                /* the handler was given a block with others to follow */
    uint8_t streaming_peer, streaming_path;
    uint32_t streaming_next;
    struct {
        int64_t etag;
        uint8_t version;
    } etags[STEPS_MAX];
    size_t etags_seen;
} model;

static uint8_t peer_of(const struct coap_request *request) {
    return request->peer->addr[0]; /* 0 on the serial line */
}

static uint8_t path_index(const char *path) {
    uint8_t index = 0;
    while (strcmp(paths[index], path) != 0) {
        index++;
        FUZZ_CHECK(index < PATHS);
    }
    return index;
}

static void check_content(const struct coap_request *request) {
    uint8_t peer = peer_of(request), path = path_index(request->path);
    for (size_t i = 0; i < request->len; i++) {
        uint32_t offset = request->offset + (uint32_t)i;
        FUZZ_CHECK(request->payload[i] == upload_byte(peer, path, model.uploads[peer][path], offset));
    }
}

static void answer_body(struct coap_response *response, size_t len) {
    response->code = COAP_205_CONTENT;
    response->format = COAP_FORMAT_OCTETS;
    response->len = len;
    for (size_t i = 0; i < len; i++) {
        response->body[i] = body_byte(model.version, (uint32_t)i);
    }
}

static void handle_whole(const struct coap_request *request, struct coap_response *response) {
    if (request->method == COAP_GET) {
        answer_body(response, 3000);
        return;
    }
    FUZZ_CHECK(request->offset == 0 && !request->more);
    FUZZ_CHECK(request->len <= COAP_PDU_MAX);
    check_content(request);
    response->code = COAP_204_CHANGED;
}

/* Every execution changes what all the resources answer with. */
static void handle_answer(const struct coap_request *request, struct coap_response *response) {
    if (request->method != COAP_GET) {
        check_content(request);
        model.version++;
    }
    answer_body(response, request->method == COAP_DELETE ? 0 : 700);
    response->code = request->method == COAP_GET ? COAP_205_CONTENT : COAP_204_CHANGED;
}

static void handle_stream(const struct coap_request *request, struct coap_response *response) {
    uint8_t peer = peer_of(request), path = path_index(request->path);
    if (request->method == COAP_GET) {
        answer_body(response, 40);
        return;
    }
    check_content(request);
    FUZZ_CHECK(request->offset == 0 || model.streaming);
    FUZZ_CHECK(request->offset == 0 || (peer == model.streaming_peer && path == model.streaming_path &&
                                        request->offset == model.streaming_next));
    FUZZ_CHECK(request->offset != 0 || !model.streaming); /* abandon() came first */
    bool refuses = path == 2 && request->offset + request->len > 512;
    response->code = refuses ? COAP_413_TOO_LARGE : COAP_204_CHANGED;
    model.streaming = request->more || refuses; /* refused: abandon() is due */
    model.streaming_peer = peer;
    model.streaming_path = path;
    model.streaming_next = request->offset + (uint32_t)request->len;
}

static void abandon_stream(const char *path) {
    FUZZ_CHECK(model.streaming && path_index(path) == model.streaming_path);
    model.streaming = false;
}

static void handle_delete_too(const struct coap_request *request, struct coap_response *response) {
    if (request->method == COAP_DELETE) {
        response->code = COAP_202_DELETED;
    } else {
        handle_stream(request, response);
    }
}

#define ALL (1 << COAP_GET | 1 << COAP_PUT | 1 << COAP_POST | 1 << COAP_DELETE)

static const struct coap_resource table[] = {
    {.path = "whole", .attributes = "", .methods = ALL & ~(1 << COAP_DELETE), .handle = handle_whole},
    {.path = "stream",
     .attributes = "",
     .methods = ALL,
     .flags = COAP_STREAMED,
     .handle = handle_delete_too,
     .abandon = abandon_stream},
    {.path = "limited",
     .attributes = "",
     .methods = ALL,
     .flags = COAP_STREAMED,
     .handle = handle_delete_too,
     .abandon = abandon_stream},
    {.path = "answer", .attributes = "", .methods = ALL, .handle = handle_answer},
};

/* ---- the clients ------------------------------------------------------------------------ */

/* The newest message of each client, and what is true if it is accepted. */
static struct {
    uint8_t bytes[2048];
    size_t len;
    uint8_t path, upload;
    bool in_blocks;
    uint32_t next;
} last[PEERS];

/* 0: the block behind the last one; up to 239: that number; above: as many before or behind. */
static uint32_t block_number(const struct step *step) {
    uint32_t size = 16u << step->szx;
    uint32_t next = model.next[step->peer][step->path] / size;
    if (step->which == 0) {
        return next & 0xfffff;
    }
    if (step->which < 240) {
        return step->which - 1u;
    }
    return step->which == 255 ? 0xfffff : (next + step->which - 247u) & 0xfffff;
}

static size_t payload_len(const struct step *step) {
    size_t full = step->szx < 7 ? (size_t)16 << step->szx : 1024;
    size_t wanted = step->is_short ? step->length * 4u : full;
    return step->method == COAP_GET || step->method == COAP_DELETE ? 0 : wanted;
}

/* Blocks with the same ETag are of the same version, or a client would put two into one body. */
static void check_etag(const struct answer *answer, uint8_t version) {
    int64_t etag = option_of(answer, COAP_OPT_ETAG);
    size_t i = 0;
    while (i < model.etags_seen && model.etags[i].etag != etag) {
        i++;
    }
    if (etag >= 0 && i < STEPS_MAX) {
        FUZZ_CHECK(i == model.etags_seen || model.etags[i].version == version);
        model.etags[i].etag = etag;
        model.etags[i].version = version;
        model.etags_seen += i == model.etags_seen;
    }
}

static void check_fetched(const struct answer *answer) {
    struct coap_block block = {0};
    if (option_of(answer, COAP_OPT_BLOCK2) >= 0) {
        block = block_of(answer, COAP_OPT_BLOCK2);
    }
    uint32_t offset = coap_block_offset(&block);
    uint8_t version = version_of(answer->pdu.payload[0], offset);
    check_etag(answer, version);
    for (size_t i = 0; i < answer->pdu.payload_len; i++) {
        FUZZ_CHECK(answer->pdu.payload[i] == body_byte(version, offset + (uint32_t)i));
    }
    FUZZ_CHECK(!block.more || answer->pdu.payload_len == coap_block_bytes(block.szx));
}

#define ANSWERS_PINGS 3 /* so this client alone is proven, and gets large blocks over UDP */

/* The next message to a client that is not a ping. */
static struct answer next_answer(uint8_t peer) {
    struct answer answer = client_next(peer);
    while (answer.present && answer.pdu.type == COAP_CON && answer.pdu.code == COAP_CODE_EMPTY) {
        if (peer == ANSWERS_PINGS) {
            client_reply_empty(peer, COAP_RST, answer.pdu.mid);
        }
        answer = client_next(peer);
    }
    return answer;
}

/* Every confirmable request of a client that waits for its answer gets one. */
static void check_answer(uint8_t peer, const struct answer *answer) {
    FUZZ_CHECK(answer->present && answer->pdu.type == COAP_ACK);
    FUZZ_CHECK(memcmp(answer->bytes + 2, last[peer].bytes + 2, 2) == 0); /* message ID */
    FUZZ_CHECK(answer->len <= COAP_PDU_MAX);
    if (COAP_IS_SUCCESS(answer->pdu.code) && answer->pdu.payload_len > 0) {
        check_fetched(answer);
    }
    if (answer->pdu.code == COAP_503_UNAVAILABLE) {
        int64_t retry_s = option_of(answer, COAP_OPT_MAX_AGE);
        FUZZ_CHECK(retry_s > 0 && retry_s <= COAP_UPLOAD_TIMEOUT_S + 1);
    }
    if (answer->pdu.code == COAP_231_CONTINUE) {
        FUZZ_CHECK(option_of(answer, COAP_OPT_BLOCK1) >= 0);
    }
    FUZZ_CHECK(!next_answer(peer).present); /* and only one */
}

/* A client whose block 0 was refused knows that the upload before goes on, or that none does. */
static void send_last(uint8_t peer) {
    uint8_t *upload = &model.uploads[peer][last[peer].path], before = *upload;
    *upload = last[peer].upload;
    client_send(peer, last[peer].bytes, last[peer].len);
    struct answer answer = next_answer(peer);
    check_answer(peer, &answer);
    if (!COAP_IS_SUCCESS(answer.pdu.code)) {
        *upload = before;
    } else if (last[peer].in_blocks) {
        model.next[peer][last[peer].path] = last[peer].next;
    }
}

static void request(const struct step *step) {
    uint8_t payload[1024];
    struct coap_block block = {.num = block_number(step), .more = step->more, .szx = step->szx};
    struct coap_block block2 = {.num = step->block1 ? 0 : block.num, .szx = step->szx};
    uint32_t offset = step->block1 ? coap_block_offset(&block) : 0;
    size_t len = payload_len(step);
    uint8_t upload = model.uploads[step->peer][step->path];
    upload += step->block1 && offset == 0;
    for (size_t i = 0; i < len; i++) {
        payload[i] = upload_byte(step->peer, step->path, upload, offset + (uint32_t)i);
    }
    struct ask ask = {.peer = step->peer,
                      .method = step->method,
                      .token = "t",
                      .path = paths[step->path],
                      .payload = payload,
                      .len = len,
                      .block1 = step->block1 ? &block : NULL,
                      .block2 = step->block2 ? &block2 : NULL};
    if (step->tagged) {
        ask.extra[0] = (struct coap_option){COAP_OPT_REQUEST_TAG, &upload, sizeof upload};
    }
    last[step->peer].len = client_build(&ask, last[step->peer].bytes, sizeof last[0].bytes);
    last[step->peer].path = step->path;
    last[step->peer].upload = upload;
    last[step->peer].in_blocks = step->block1;
    last[step->peer].next = offset + (uint32_t)len;
    send_last(step->peer);
}

static void pause(uint8_t how_long) {
    fake_jump_us((uint64_t)how_long * 500000);
}

static void take_step(const struct step *step) {
    if (step->pause) {
        pause(step->which);
    } else if (step->changes) {
        model.version++;
    } else if (!step->repeat) {
        request(step);
    } else if (last[step->peer].len > 0) {
        send_last(step->peer);
    }
}

/* After COAP_UPLOAD_TIMEOUT_S nothing of an abandoned upload is left, and anyone may begin. */
static void check_freed(void) {
    struct step step = {.peer = 2, .path = 1, .method = COAP_PUT, .block1 = true, .which = 1};
    fake_jump_us(COAP_UPLOAD_TIMEOUT_S * UINT64_C(1000000));
    FUZZ_CHECK(!model.streaming);
    model.next[step.peer][step.path] = 0;
    request(&step);
    FUZZ_CHECK(model.next[step.peer][step.path] == 16); /* accepted */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, data + size};
    memset(&model, 0, sizeof model);
    memset(last, 0, sizeof last);
    client_start(table, sizeof table / sizeof table[0]);
    for (size_t steps = 0; steps < STEPS_MAX && fuzz_left(&input) > 0; steps++) {
        struct step step = next_step(&input);
        take_step(&step);
    }
    check_freed();
    return 0;
}
