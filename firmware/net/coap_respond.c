/* From a request to the handler, and from its response to the reply. */
#include <string.h>

#include "net/coap_proof.h"
#include "net/coap_turn.h"

/* What an option takes at most, with its header, and the payload marker. */
#define ETAG_ROOM 5
#define OBSERVE_ROOM 4
#define FORMAT_ROOM 3
#define MAX_AGE_ROOM 5
#define BLOCK2_ROOM 4
#define MARKER_ROOM 1

static bool is_small(const struct coap_turn *turn) {
    return BOARD_NET && turn->is_small;
}

/* ---- running a handler ------------------------------------------------------------------ */

void coap_turn_clear(struct coap_turn *turn) {
    turn->response = (struct coap_response){
        .format = COAP_FORMAT_NONE, .body = coap_body_buffer(), .cap = COAP_BODY_MAX};
}

struct coap_request coap_turn_request(struct coap_turn *turn, enum coap_method method) {
    const struct coap_block wanted = coap_turn_wanted(turn);
    return (struct coap_request){
        .method = method,
        .wanted = (uint32_t)coap_block_offset(&wanted),
        .wanted_len = coap_block_bytes(wanted.szx),
        .peer = turn->peer,
        .path = turn->options.path,
        .wild = {turn->route.wild[0], turn->route.wild[1]},
        .query = turn->options.query,
        .format = turn->options.format,
        .total = turn->options.size1,
        .accept = turn->options.accept,
        .turn = turn,
    };
}

/* Accept is critical: no other format than the one asked for may be given (section 5.10.4). */
static bool is_acceptable(const struct coap_turn *turn) {
    const struct coap_response *response = &turn->response;
    bool has_content = response->len > 0 || response->format != COAP_FORMAT_NONE;
    return turn->options.accept < 0 || !COAP_IS_SUCCESS(response->code) || !has_content ||
           response->format == turn->options.accept;
}

void coap_turn_check(struct coap_turn *turn) {
    if (turn->response.code == 0 || turn->response.len > turn->response.cap) {
        coap_fail(&turn->response, COAP_500_INTERNAL, "the handler of /%s gave no answer",
                  turn->options.path);
    } else if (!is_acceptable(turn)) {
        coap_fail(&turn->response, COAP_406_NOT_ACCEPTABLE, "only content format %d is available here",
                  turn->response.format);
    }
}

void coap_turn_run(struct coap_turn *turn, const uint8_t *payload, size_t len,
                   const struct coap_piece *piece) {
    struct coap_request request = coap_turn_request(turn, (enum coap_method)turn->pdu->code);
    request.payload = payload;
    request.len = len;
    request.offset = piece != NULL ? coap_block_offset(&piece->block) : 0;
    request.more = piece != NULL && piece->block.more;
    coap_turn_clear(turn);
    turn->route.resource->handle(&request, &turn->response);
    if (!turn->deferred) {
        coap_turn_check(turn);
    }
}

/* ---- from response to reply ------------------------------------------------------------- */

static void copy_response(struct coap_turn *turn) {
    const struct coap_response *response = &turn->response;
    turn->reply.code = response->code;
    turn->reply.format = response->format;
    turn->reply.max_age_s = response->max_age_s;
    turn->reply.size1 = response->max_size;
    turn->reply.has_etag = response->has_etag;
    turn->reply.etag = response->etag;
    turn->reply.location = COAP_IS_SUCCESS(response->code) ? response->location : "";
    turn->reply.payload = response->body;
    turn->reply.len = response->len;
}

void coap_turn_fail(struct coap_turn *turn, uint8_t code, const char *format, ...) {
    va_list arguments;
    coap_turn_clear(turn); /* its buffer may have become the copy that is being sent */
    va_start(arguments, format);
    coap_vfail(&turn->response, code, format, arguments);
    va_end(arguments);
    copy_response(turn);
    turn->reply.has_block2 = false;
}

static struct coap_body_key body_key(const struct coap_turn *turn) {
    return (struct coap_body_key){.peer = turn->peer,
                                  .path = turn->options.path,
                                  .query = turn->options.query,
                                  .method = turn->pdu->code};
}

/* RFC 7959 section 2.3: the server may answer with smaller blocks than were asked for. */
static struct coap_block no_larger(struct coap_block block, uint8_t szx) {
    if (block.szx > szx) {
        block.num <<= block.szx - szx;
        block.szx = szx;
    }
    return block;
}

struct coap_block coap_turn_asked(const struct coap_turn *turn) {
    const struct coap_block any = {.szx = COAP_BLOCK_SZX_MAX};
    return turn->options.has_block2 ? no_larger(turn->options.block2, COAP_BLOCK_SZX_MAX) : any;
}

/* Whether it fits beside all that may come with it. */
static bool block_fits(const struct coap_turn *turn, uint8_t szx) {
    const size_t options = FORMAT_ROOM + BLOCK2_ROOM + MARKER_ROOM + ETAG_ROOM + OBSERVE_ROOM;
    return coap_block_bytes(szx) + options <= turn->block_room;
}

struct coap_block coap_turn_wanted(const struct coap_turn *turn) {
    struct coap_block asked = coap_turn_asked(turn);
    uint8_t szx = COAP_BLOCK_SZX_MAX;
    while (is_small(turn) && szx > 0 && !block_fits(turn, szx)) {
        szx--;
    }
    return no_larger(asked, szx);
}

/* Whether a small answer holds more in one piece than in blocks. To a registration a ping must fit
 * behind it: nobody asks for more of it, and there are no notifications before the proof. */
static bool has_room_for_whole(const struct coap_turn *turn) {
    const struct coap_response *response = &turn->response;
    size_t options = FORMAT_ROOM + MARKER_ROOM + (response->has_etag ? ETAG_ROOM : 0) +
                     (turn->options.observe == 0 ? OBSERVE_ROOM + COAP_HEADER_BYTES : 0) +
                     (response->max_age_s > 0 ? MAX_AGE_ROOM : 0) +
                     (turn->options.has_block2 ? BLOCK2_ROOM : 0);
    return is_small(turn) && response->len + options <= turn->room &&
           response->len <= coap_block_bytes(coap_turn_asked(turn).szx);
}

static void cut_reply(struct coap_turn *turn, const struct coap_body *body,
                      const struct coap_block *wanted) {
    struct coap_block given;
    const uint8_t *bytes;
    size_t len;
    if (!coap_body_cut(body, wanted, &given, &bytes, &len)) {
        coap_turn_fail(turn, COAP_400_BAD_REQUEST, "the block is behind the end of the body");
        return;
    }
    turn->reply.code = body->code;
    turn->reply.format = body->format;
    turn->reply.max_age_s = body->max_age_s;
    turn->reply.has_etag = turn->reply.has_block2 = true;
    turn->reply.etag = body->etag;
    turn->reply.block2 = given;
    turn->reply.size2 = given.num == 0 ? (uint32_t)body->len : 0;
    turn->reply.payload = bytes;
    turn->reply.len = len;
}

static void finish_whole(struct coap_turn *turn, uint8_t szx) {
    const struct coap_body_key key = body_key(turn);
    bool has_body = COAP_IS_SUCCESS(turn->response.code) && turn->response.len > 0;
    turn->reply.has_block2 = turn->options.has_block2 && has_body;
    turn->reply.block2 = (struct coap_block){.szx = szx};
    turn->reply.size2 = turn->options.wants_size2 && has_body ? (uint32_t)turn->response.len : 0;
    coap_body_forget(&key);
}

static void finish_in_blocks(struct coap_turn *turn, const struct coap_block *wanted) {
    const struct coap_response *response = &turn->response;
    const struct coap_body_key key = body_key(turn);
    struct coap_body body = {.bytes = response->body,
                             .len = response->len,
                             .code = response->code,
                             .format = response->format,
                             .max_age_s = response->max_age_s,
                             .etag = response->etag};
    coap_body_keep(&key, &body);
    cut_reply(turn, &body, wanted);
}

/* A body that is made a block at a time: nothing is kept of it. */
static void finish_window(struct coap_turn *turn, const struct coap_block *wanted) {
    const struct coap_response *response = &turn->response;
    uint32_t offset = (uint32_t)coap_block_offset(wanted);
    if (offset >= response->total) {
        coap_turn_fail(turn, COAP_400_BAD_REQUEST, "the block is behind the end of the body");
        return;
    }
    turn->reply.has_block2 = true;
    turn->reply.block2 = *wanted;
    turn->reply.block2.more = response->total - offset > response->len;
    turn->reply.size2 = wanted->num == 0 ? response->total : 0;
}

/* The ETag is the handler's, or a hash of the body where there is one to tell apart. */
static void complete_etag(struct coap_response *response, bool whole) {
    bool is_content = response->code == COAP_205_CONTENT || response->len > 0;
    response->has_etag = COAP_IS_SUCCESS(response->code) &&
                         (!whole || (response->has_etag && (response->etag != 0 || is_content)));
    if (response->has_etag && response->etag == 0) {
        response->etag = coap_etag_of(response->body, response->len);
    }
}

void coap_turn_finish(struct coap_turn *turn) {
    struct coap_response *response = &turn->response;
    const struct coap_block wanted = coap_turn_wanted(turn);
    size_t size = coap_block_bytes(wanted.szx);
    bool whole = wanted.num == 0 && (response->len <= size || has_room_for_whole(turn));
    complete_etag(response, whole);
    copy_response(turn);
    if (response->has_etag && wanted.num == 0 && coap_etag_is_known(turn, response->etag)) {
        coap_turn_valid(turn, response->etag, response->max_age_s);
    } else if (response->total > 0) {
        finish_window(turn, &wanted);
    } else if (whole) {
        finish_whole(turn, response->len <= size ? wanted.szx : coap_turn_asked(turn).szx);
    } else if (COAP_IS_SUCCESS(response->code)) {
        finish_in_blocks(turn, &wanted);
    } else { /* a diagnostic is one message, cut where that ends */
        size_t most = is_small(turn) ? response->len : size;
        turn->reply.len = response->len < most ? response->len : most;
    }
}

bool coap_turn_resume(struct coap_turn *turn) {
    const struct coap_block wanted = coap_turn_wanted(turn);
    const struct coap_body_key key = body_key(turn);
    struct coap_body body;
    if (wanted.num == 0 || !coap_body_find(&key, &body)) {
        return false;
    }
    coap_turn_clear(turn);
    cut_reply(turn, &body, &wanted);
    return true;
}

/* The Block1 of an upload's answer: the block that it is about, and the size that the next ones should
 * have (RFC 7959 section 2.3). Not in answers that only go on with Block2 (section 3.3). */
static void put_upload_block(const struct coap_turn *turn, struct coap_reply *reply) {
    const struct coap_options *options = &turn->options;
    bool uploads = turn->pdu->code == COAP_PUT || turn->pdu->code == COAP_POST;
    bool goes_on = options->has_block2 && options->block2.num > 0;
    if (uploads && !goes_on && options->has_block1 && COAP_IS_SUCCESS(reply->code)) {
        reply->has_block1 = true;
        reply->block1 = options->block1;
        if (reply->block1.szx > COAP_BLOCK_SZX_MAX) {
            reply->block1.szx = COAP_BLOCK_SZX_MAX;
        }
    }
}

/* ---- small answers ---------------------------------------------------------------------- */

static bool fits(const struct coap_reply *reply, const struct coap_builder *head, size_t spare,
                 struct coap_builder *out) {
    *out = *head;
    if (spare > head->cap - head->len) {
        return false;
    }
    out->cap -= spare;
    coap_reply_build(reply, out);
    out->cap = head->cap;
    return out->status == WM_OK;
}

static bool is_continuation_byte(uint8_t byte) {
    return (byte & 0xc0) == 0x80; /* of a character in UTF-8 */
}

/* The end of a diagnostic, or of what else cannot be asked for again, is left out. */
static void cut_payload(struct coap_reply *reply, const struct coap_builder *head) {
    struct coap_reply bare = *reply;
    struct coap_builder out;
    bare.len = 0;
    size_t room = fits(&bare, head, MARKER_ROOM, &out) ? out.cap - out.len - MARKER_ROOM : 0;
    if (reply->len <= room) {
        return;
    }
    while (room > 0 && is_continuation_byte(reply->payload[room])) {
        room--;
    }
    reply->len = room;
}

static void build_echo(const struct coap_turn *turn, struct coap_builder *out) {
    uint8_t echo[COAP_ECHO_BYTES];
    coap_proof_make_echo(turn->peer, echo);
    const struct coap_reply reply = {
        .code = COAP_401_UNAUTHORIZED, .format = -1, .observe = -1, .location = "", .echo = echo};
    coap_reply_build(&reply, out);
}

static bool is_one_of_many(const struct coap_reply *reply) {
    return reply->has_block2 && (reply->block2.more || reply->block2.num > 0);
}

/* Whether every block of the body has room for it, those with longer numbers too. */
static bool etag_fits(const struct coap_reply *reply, const struct coap_builder *head, size_t spare) {
    struct coap_reply bare = *reply;
    struct coap_builder out;
    bare.len = bare.size2 = 0;
    bare.observe = -1;
    bare.block2.num |= 16;
    return fits(&bare, head, spare + MARKER_ROOM + coap_block_bytes(reply->block2.szx), &out);
}

/* The size of the body and its ETag are worth less than the body, and room for a ping behind it (an
 * empty message) is worth more than the size, or, where no other block gives another chance to a ping
 * that an observer needs, than the body. All blocks of a body have an ETag, or none. */
static void build_small(const struct coap_turn *turn, struct coap_reply *reply,
                        struct coap_builder *out) {
    const struct coap_builder head = *out;
    if (!COAP_IS_SUCCESS(reply->code)) {
        cut_payload(reply, &head);
    }
    bool is_larger = reply->has_block2 && turn->room > turn->block_room;
    size_t spare = is_larger ? turn->room - turn->block_room : 0; /* later blocks do not have it */
    if (is_one_of_many(reply) && !etag_fits(reply, &head, spare)) {
        reply->has_etag = false;
    }
    if (fits(reply, &head, spare + COAP_HEADER_BYTES, out)) {
        return;
    }
    size_t ping = reply->observe >= 0 && !is_one_of_many(reply) ? COAP_HEADER_BYTES : 0;
    reply->size2 = 0;
    if (fits(reply, &head, spare + ping, out)) {
        return;
    }
    reply->has_etag = false;
    if (fits(reply, &head, ping, out)) {
        return;
    }
    *out = head;
    if (turn->pdu->code == COAP_GET) {
        build_echo(turn, out);
    } else {
        cut_payload(reply, &head);
        coap_reply_build(reply, out);
    }
}

void coap_turn_build(const struct coap_turn *turn, struct coap_builder *out) {
    struct coap_reply reply = turn->reply;
    put_upload_block(turn, &reply);
    if (turn->needs_echo) {
        build_echo(turn, out);
    } else if (is_small(turn)) {
        build_small(turn, &reply, out);
    } else {
        coap_reply_build(&reply, out);
    }
}
