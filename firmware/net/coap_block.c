#include "net/coap_block.h"

#include <string.h>

#include "core/loop.h"
#include "net/coap_lifetime.h"
#include "net/coap_server.h"
#include "net/fnv.h"

/* ---- Block1: uploads -------------------------------------------------------------------- */

static struct {
    bool active;   /* more blocks are due */
    bool held;     /* the answer to the block before is being worked on */
    bool more;     /* of the block before */
    bool proven;   /* that its client may do it */
    bool answered; /* last_* describe the block before: it may be repeated until forget_at_s */
    struct coap_peer peer;
    char path[COAP_PATH_MAX + 1];
    uint8_t method;
    uint32_t tag;
    uint32_t next; /* offset of the block that is due */
    uint32_t last_offset, last_hash;
    uint32_t forget_at_s;
    uint64_t moved_us; /* when it last made progress */
    uint8_t last_code;
    coap_abandon *abandon;
    struct loop_timer timer;
    size_t body_len;
    uint8_t body[COAP_REQUEST_BODY_MAX];
} upload;

static void end_upload(bool complete) {
    coap_abandon *abandon = upload.abandon;
    upload.active = false;
    upload.abandon = NULL;
    loop_timer_cancel(&upload.timer);
    if (!complete && abandon != NULL) {
        abandon(upload.path);
    }
}

static void on_upload_timeout(void *arg) {
    (void)arg;
    upload.answered = false;
    end_upload(false);
}

static bool same_upload(const struct coap_piece *piece) {
    return upload.method == piece->method && upload.tag == piece->tag &&
           coap_peer_equal(&upload.peer, piece->peer) && strcmp(upload.path, piece->path) == 0;
}

/* Block 0 while one is being worked on: who worked on that one goes on with this. */
static bool takes_the_place(const struct coap_piece *piece) {
    return piece->is_streamed && upload.held && upload.method == piece->method &&
           strcmp(upload.path, piece->path) == 0;
}

static uint64_t gives_way_at_us(void) {
    uint32_t after_s = upload.proven ? COAP_UPLOAD_STALLED_S : COAP_UPLOAD_UNPROVEN_S;
    return upload.moved_us + after_s * UINT64_C(1000000);
}

/* Whether what this client had begun ends for block 0 of another. */
static bool gives_way_to(const struct coap_piece *piece) {
    bool has_paused = hal_now_us() >= gives_way_at_us();
    if (upload.held || (upload.proven && !has_paused)) {
        return false;
    }
    if (has_paused && !upload.proven) {
        return true;
    }
    return piece->proves != NULL && piece->proves(piece->payload, piece->len);
}

/* Block 0: whatever this client had begun is replaced (section 2.5). */
static enum coap_upload_result begin_upload(const struct coap_piece *piece, coap_abandon *abandon) {
    bool is_others = upload.active && !coap_peer_equal(&upload.peer, piece->peer);
    bool is_anew = upload.active && !is_others;
    if (is_others && !gives_way_to(piece)) {
        return COAP_UPLOAD_BUSY;
    }
    if (is_anew && upload.held && !takes_the_place(piece)) {
        return COAP_UPLOAD_BUSY;
    }
    if (upload.active && !upload.held) {
        end_upload(false);
    }
    if (!is_anew) {
        upload.moved_us = hal_now_us();
    }
    upload.held = false;
    upload.proven = false;
    upload.active = true;
    upload.answered = false;
    upload.peer = *piece->peer;
    memcpy(upload.path, piece->path, strlen(piece->path) + 1);
    upload.method = piece->method;
    upload.tag = piece->tag;
    upload.next = 0;
    upload.body_len = 0;
    upload.abandon = abandon;
    return COAP_UPLOAD_NEXT;
}

/* The block that is being worked on, once more, by a message of its own and perhaps smaller. */
static enum coap_upload_result try_again(const struct coap_piece *piece, uint32_t offset) {
    if (!piece->is_streamed || offset != upload.last_offset) {
        return COAP_UPLOAD_BUSY;
    }
    upload.held = false;
    upload.next = offset;
    return COAP_UPLOAD_NEXT;
}

static bool is_repeated(const struct coap_piece *piece, uint32_t offset) {
    return upload.answered && coap_now_s() < upload.forget_at_s && same_upload(piece) &&
           offset == upload.last_offset && fnv1a(piece->payload, piece->len) == upload.last_hash;
}

enum coap_upload_result coap_upload_offer(const struct coap_piece *piece, coap_abandon *abandon) {
    uint32_t offset = coap_block_offset(&piece->block);
    if (piece->block.more && piece->len != coap_block_bytes(piece->block.szx)) {
        return COAP_UPLOAD_MALFORMED;
    }
    if (offset == 0) {
        return begin_upload(piece, abandon);
    }
    if (upload.active && same_upload(piece) && upload.held) {
        return try_again(piece, offset);
    }
    if (upload.active && same_upload(piece) && offset == upload.next) {
        return COAP_UPLOAD_NEXT;
    }
    return is_repeated(piece, offset) ? COAP_UPLOAD_REPEATED : COAP_UPLOAD_GAP;
}

/* What tells the block just handed on from others, should it come again. */
static void remember(const struct coap_piece *piece) {
    upload.last_offset = upload.next;
    upload.last_hash = fnv1a(piece->payload, piece->len);
    upload.forget_at_s = coap_forget_at_s(piece->type);
    upload.more = piece->block.more;
    upload.next += (uint32_t)piece->len;
}

static void conclude(uint8_t code, bool was_held) {
    if (was_held || upload.last_offset > 0) {
        upload.moved_us = hal_now_us();
    }
    upload.answered = true;
    upload.last_code = code;
    if (!upload.more || !COAP_IS_SUCCESS(code)) {
        end_upload(COAP_IS_SUCCESS(code));
        return;
    }
    loop_timer_at(&upload.timer, hal_now_us() + COAP_UPLOAD_TIMEOUT_S * UINT64_C(1000000),
                  on_upload_timeout, NULL);
}

void coap_upload_answered(const struct coap_piece *piece, uint8_t code) {
    remember(piece);
    conclude(code, false);
}

void coap_upload_hold(const struct coap_piece *piece) {
    remember(piece);
    upload.held = true;
    upload.answered = false;
    loop_timer_cancel(&upload.timer);
}

uint8_t coap_upload_release(uint8_t code) {
    const uint8_t continue_231 = (2 << 5) | 31;
    if (!upload.held) {
        return code;
    }
    upload.held = false;
    code = upload.more && COAP_IS_SUCCESS(code) ? continue_231 : code;
    conclude(code, true);
    return code;
}

uint8_t coap_upload_last_code(void) {
    return upload.last_code;
}

void coap_upload_prove(void) {
    upload.proven = true;
}

uint32_t coap_upload_retry_s(void) {
    uint64_t now = hal_now_us();
    uint64_t ends = upload.timer.armed ? upload.timer.at_us : now;
    if (!upload.proven && gives_way_at_us() < ends) {
        ends = gives_way_at_us();
    }
    uint64_t left = ends > now ? ends - now : 0;
    return (uint32_t)(left / 1000000) + 1;
}

wm_status coap_upload_append(const struct coap_piece *piece) {
    if (piece->len > sizeof upload.body - upload.body_len) {
        return WM_ENOMEM;
    }
    if (piece->len > 0) {
        memcpy(upload.body + upload.body_len, piece->payload, piece->len);
    }
    upload.body_len += piece->len;
    return WM_OK;
}

const uint8_t *coap_upload_body(size_t *len) {
    *len = upload.body_len;
    return upload.body;
}

/* ---- Block2: bodies being sent ---------------------------------------------------------- */

static struct {
    uint8_t buffers[2][COAP_BODY_MAX];
    uint8_t making; /* index of the buffer that handlers write to; the other one is the copy */
    bool kept;
    struct coap_body body;
    struct coap_peer peer;
    char path[COAP_PATH_MAX + 1];
    char query[COAP_QUERY_MAX + 1];
    uint8_t method;
    uint64_t held_until_us; /* a transfer is under way until then */
    uint32_t forget_at_s;
} sent;

uint8_t *coap_body_buffer(void) {
    return sent.buffers[sent.making];
}

static bool is_kept(const struct coap_body_key *key) {
    return sent.kept && coap_now_s() < sent.forget_at_s && sent.method == key->method &&
           coap_peer_equal(&sent.peer, key->peer) && strcmp(sent.path, key->path) == 0 &&
           strcmp(sent.query, key->query) == 0;
}

void coap_body_keep(const struct coap_body_key *key, const struct coap_body *body) {
    if (sent.kept && !is_kept(key) && hal_now_us() < sent.held_until_us) {
        return;
    }
    sent.kept = true;
    sent.body = *body;
    sent.peer = *key->peer;
    memcpy(sent.path, key->path, strlen(key->path) + 1);
    memcpy(sent.query, key->query, strlen(key->query) + 1);
    sent.method = key->method;
    sent.held_until_us = hal_now_us() + COAP_BODY_HOLD_US;
    sent.forget_at_s = coap_forget_at_s(COAP_CON);
    sent.making ^= 1; /* the body is where it was made: no copying */
}

bool coap_body_find(const struct coap_body_key *key, struct coap_body *out) {
    if (!is_kept(key)) {
        return false;
    }
    *out = sent.body;
    return true;
}

void coap_body_forget(const struct coap_body_key *key) {
    if (is_kept(key)) {
        sent.kept = false;
    }
}

/* The transfer goes on, or is over with its last block (which may still be asked for again). */
static void touch(bool more) {
    uint64_t now = hal_now_us();
    sent.held_until_us = more ? now + COAP_BODY_HOLD_US : now;
    sent.forget_at_s = coap_forget_at_s(COAP_CON);
}

bool coap_body_cut(const struct coap_body *body, const struct coap_block *wanted,
                   struct coap_block *given, const uint8_t **bytes, size_t *len) {
    size_t size = coap_block_bytes(wanted->szx);
    size_t offset = coap_block_offset(wanted);
    if (offset >= body->len && offset > 0) {
        return false;
    }
    size_t left = body->len - offset;
    *given = (struct coap_block){.num = wanted->num, .more = left > size, .szx = wanted->szx};
    *bytes = body->bytes + offset;
    *len = left < size ? left : size;
    if (sent.kept && body->bytes == sent.body.bytes) {
        touch(given->more);
    }
    return true;
}

void coap_block_start(void) {
    loop_timer_cancel(&upload.timer);
    memset(&upload, 0, sizeof upload);
    sent.kept = false;
    sent.making = 0;
}
