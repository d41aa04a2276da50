#include "net/coap_server.h"

#include <string.h>

#include "net/coap_block.h"
#include "net/coap_msg.h"
#include "net/coap_observe.h"
#include "net/coap_options.h"
#include "net/coap_route.h"
#include "net/coap_wellknown.h"
#include "net/fnv.h"

static const struct coap_resource *resources;
static size_t resource_count;

static void handle_wellknown(const struct coap_request *request, struct coap_response *response) {
    coap_wellknown(resources, resource_count, request->query, response);
}

static const struct coap_resource wellknown = {
    .path = ".well-known/core", .attributes = "", .methods = 1 << COAP_GET, .handle = handle_wellknown};

static bool find_route(struct coap_route *route, const char *path) {
    for (size_t i = 0; i < resource_count; i++) {
        if (coap_route_match(route, &resources[i], path)) {
            return true;
        }
    }
    return coap_route_match(route, &wellknown, path);
}

/* ---- running a handler ------------------------------------------------------------------ */

/* One request on its way through the server. */
struct turn {
    const struct coap_peer *peer;
    const struct coap_pdu *pdu;
    struct coap_options options;
    struct coap_route route;
    struct coap_response response;
    struct coap_reply reply;
};

static void response_init(struct coap_response *response) {
    *response = (struct coap_response){
        .format = COAP_FORMAT_NONE, .body = coap_body_buffer(), .cap = COAP_BODY_MAX};
}

static void run(struct turn *turn, const uint8_t *payload, size_t len, const struct coap_piece *piece) {
    struct coap_request request = {
        .method = (enum coap_method)turn->pdu->code,
        .peer = turn->peer,
        .path = turn->options.path,
        .wild = {turn->route.wild[0], turn->route.wild[1]},
        .query = turn->options.query,
        .format = turn->options.format,
        .payload = payload,
        .len = len,
        .offset = piece != NULL ? coap_block_offset(&piece->block) : 0,
        .more = piece != NULL && piece->block.more,
        .total = turn->options.size1,
    };
    response_init(&turn->response);
    turn->route.resource->handle(&request, &turn->response);
    if (turn->response.code == 0 || turn->response.len > turn->response.cap) {
        coap_fail(&turn->response, COAP_500_INTERNAL, "the handler of /%s gave no answer",
                  turn->options.path);
    }
}

/* ---- from response to reply ------------------------------------------------------------- */

static void copy_response(struct turn *turn) {
    const struct coap_response *response = &turn->response;
    turn->reply.code = response->code;
    turn->reply.format = response->format;
    turn->reply.max_age_s = response->max_age_s;
    turn->reply.size1 = response->max_size;
    turn->reply.payload = response->body;
    turn->reply.len = response->len;
}

static void fail_reply(struct turn *turn, uint8_t code, const char *why) {
    response_init(&turn->response); /* its buffer may have become the copy that is being sent */
    coap_fail(&turn->response, code, "%s", why);
    copy_response(turn);
    turn->reply.has_etag = turn->reply.has_block2 = false;
}

static struct coap_body_key body_key(const struct turn *turn) {
    return (struct coap_body_key){.peer = turn->peer,
                                  .path = turn->options.path,
                                  .query = turn->options.query,
                                  .method = turn->pdu->code};
}

/* What the client asked for, no larger than what this build offers (RFC 7959 section 2.3). */
static struct coap_block wanted_block(const struct turn *turn) {
    struct coap_block wanted = {.szx = COAP_BLOCK_SZX_MAX};
    if (turn->options.has_block2) {
        wanted = turn->options.block2;
    }
    if (wanted.szx > COAP_BLOCK_SZX_MAX) {
        wanted.num <<= wanted.szx - COAP_BLOCK_SZX_MAX;
        wanted.szx = COAP_BLOCK_SZX_MAX;
    }
    return wanted;
}

static void cut_reply(struct turn *turn, const struct coap_body *body, const struct coap_block *wanted) {
    struct coap_block given;
    const uint8_t *bytes;
    size_t len;
    if (!coap_body_cut(body, wanted, &given, &bytes, &len)) {
        fail_reply(turn, COAP_400_BAD_REQUEST, "the block is behind the end of the body");
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

/* Turns what the handler made into a reply: whole where it fits into one block, else a slice. */
static void finish(struct turn *turn) {
    struct coap_response *response = &turn->response;
    struct coap_block wanted = wanted_block(turn);
    struct coap_body_key key = body_key(turn);
    copy_response(turn);
    if (response->len <= coap_block_bytes(wanted.szx) && wanted.num == 0) {
        turn->reply.has_block2 =
            turn->options.has_block2 && COAP_IS_SUCCESS(response->code) && response->len > 0;
        turn->reply.block2 = (struct coap_block){.szx = wanted.szx};
        coap_body_forget(&key);
        return;
    }
    if (!COAP_IS_SUCCESS(response->code)) { /* a diagnostic is one message, cut where that ends */
        turn->reply.len =
            response->len < coap_block_bytes(wanted.szx) ? response->len : coap_block_bytes(wanted.szx);
        return;
    }
    struct coap_body body = {.bytes = response->body,
                             .len = response->len,
                             .code = response->code,
                             .format = response->format,
                             .max_age_s = response->max_age_s,
                             .etag = fnv1a(response->body, response->len)};
    coap_body_keep(&key, &body);
    cut_reply(turn, &body, &wanted);
}

/* ---- GET -------------------------------------------------------------------------------- */

static bool is_acceptable(const struct turn *turn) {
    return turn->options.accept < 0 || !COAP_IS_SUCCESS(turn->response.code) ||
           turn->response.format == turn->options.accept;
}

static void run_get(struct turn *turn) {
    run(turn, NULL, 0, NULL);
    if (!is_acceptable(turn)) {
        coap_fail(&turn->response, COAP_406_NOT_ACCEPTABLE, "only content format %d is available here",
                  turn->response.format);
    }
}

/* RFC 7641 section 4.1. A query selects something that passes: only the path can be observed. */
static void register_observer(struct turn *turn) {
    if (!(turn->route.resource->flags & COAP_OBSERVABLE) || turn->options.query[0] != '\0') {
        return;
    }
    struct coap_observation observation = {.peer = *turn->peer,
                                           .token_len = turn->pdu->token_len,
                                           .szx = wanted_block(turn).szx,
                                           .accept = turn->options.accept};
    memcpy(observation.path, turn->options.path, sizeof observation.path);
    memcpy(observation.token, turn->pdu->token, turn->pdu->token_len);
    int32_t sequence = coap_observe_add(&observation);
    turn->reply.observe = sequence < 0 ? -1 : sequence;
}

static void serve_get(struct turn *turn) {
    const struct coap_block wanted = wanted_block(turn);
    struct coap_body_key key = body_key(turn);
    struct coap_body body;
    if (wanted.num > 0 && coap_body_find(&key, &body)) {
        response_init(&turn->response);
        cut_reply(turn, &body, &wanted);
        return;
    }
    run_get(turn);
    finish(turn);
    bool registers = turn->options.observe == 0 && wanted.num == 0;
    if (registers && COAP_IS_SUCCESS(turn->response.code)) {
        register_observer(turn);
    } else if (registers || turn->options.observe == 1) {
        coap_observe_remove(turn->peer, turn->pdu->token, turn->pdu->token_len);
    }
}

/* ---- PUT, POST, DELETE ------------------------------------------------------------------ */

static void assemble(struct turn *turn, const struct coap_piece *piece) {
    if (turn->options.size1 > COAP_REQUEST_BODY_MAX || coap_upload_append(piece) != WM_OK) {
        coap_fail(&turn->response, COAP_413_TOO_LARGE, "a body for /%s has at most %u bytes",
                  turn->options.path, (unsigned)COAP_REQUEST_BODY_MAX);
        turn->response.max_size = COAP_REQUEST_BODY_MAX;
    } else if (piece->block.more) {
        turn->response.code = COAP_231_CONTINUE;
    } else {
        size_t len;
        const uint8_t *whole = coap_upload_body(&len);
        run(turn, whole, len, NULL);
    }
}

static void take_piece(struct turn *turn, const struct coap_piece *piece) {
    if (turn->route.resource->flags & COAP_STREAMED) {
        run(turn, piece->payload, piece->len, piece);
        if (piece->block.more && COAP_IS_SUCCESS(turn->response.code)) {
            turn->response.code = COAP_231_CONTINUE;
        }
    } else {
        assemble(turn, piece);
    }
    coap_upload_answered(piece, turn->response.code);
    finish(turn);
}

static void refuse_piece(struct turn *turn, enum coap_upload_result result) {
    switch (result) {
    case COAP_UPLOAD_REPEATED:
        turn->reply.code = coap_upload_last_code();
        break;
    case COAP_UPLOAD_GAP:
        fail_reply(turn, COAP_408_INCOMPLETE,
                   "not the next block of an upload in progress: begin with block 0");
        break;
    case COAP_UPLOAD_BUSY:
        fail_reply(turn, COAP_503_UNAVAILABLE, "another client is uploading");
        turn->reply.max_age_s = coap_upload_retry_s();
        break;
    case COAP_UPLOAD_MALFORMED:
    default:
        fail_reply(turn, COAP_400_BAD_REQUEST, "a block with others to follow must be full");
        break;
    }
}

static void serve_upload(struct turn *turn) {
    struct coap_piece piece = {.peer = turn->peer,
                               .path = turn->options.path,
                               .method = turn->pdu->code,
                               .block = turn->options.block1,
                               .payload = turn->pdu->payload,
                               .len = turn->pdu->payload_len};
    response_init(&turn->response);
    enum coap_upload_result result = coap_upload_offer(&piece, turn->route.resource->abandon);
    if (result == COAP_UPLOAD_NEXT) {
        take_piece(turn, &piece);
    } else {
        refuse_piece(turn, result);
    }
    if (turn->options.has_block1 && COAP_IS_SUCCESS(turn->reply.code)) {
        turn->reply.has_block1 = true;
        turn->reply.block1 = turn->options.block1;
    }
}

/* Later blocks of the answer to a request that must not be executed again (RFC 7959 section 3.3). */
static bool serve_kept_answer(struct turn *turn) {
    struct coap_body_key key = body_key(turn);
    struct coap_body body;
    if (!turn->options.has_block2 || turn->options.block2.num == 0) {
        return false;
    }
    const struct coap_block wanted = wanted_block(turn);
    response_init(&turn->response);
    if (coap_body_find(&key, &body)) {
        cut_reply(turn, &body, &wanted);
    } else {
        fail_reply(turn, COAP_408_INCOMPLETE, "the answer is no longer kept: ask again");
    }
    return true;
}

static void serve_change(struct turn *turn) {
    if (serve_kept_answer(turn)) {
        return;
    }
    bool has_body = turn->pdu->code != COAP_DELETE;
    if (has_body && (turn->options.has_block1 || turn->route.resource->flags & COAP_STREAMED)) {
        serve_upload(turn);
    } else {
        run(turn, turn->pdu->payload, turn->pdu->payload_len, NULL);
        finish(turn);
    }
}

/* ---- requests --------------------------------------------------------------------------- */

static void dispatch(struct turn *turn) {
    uint8_t method = turn->pdu->code;
    response_init(&turn->response);
    if (!find_route(&turn->route, turn->options.path)) {
        coap_fail(&turn->response, COAP_404_NOT_FOUND, "there is no /%s", turn->options.path);
        copy_response(turn);
    } else if (method > COAP_DELETE || !(turn->route.resource->methods & (1 << method))) {
        coap_fail(&turn->response, COAP_405_METHOD_NOT_ALLOWED, "/%s does not have this method",
                  turn->options.path);
        copy_response(turn);
    } else if (method == COAP_GET) {
        serve_get(turn);
    } else {
        serve_change(turn);
    }
}

static void refuse_options(struct turn *turn) {
    response_init(&turn->response);
    if (turn->options.option != 0) {
        coap_fail(&turn->response, turn->options.fault, "%s (option %u)", turn->options.why,
                  (unsigned)turn->options.option);
    } else {
        coap_fail(&turn->response, turn->options.fault, "%s", turn->options.why);
    }
    copy_response(turn);
}

static bool on_request(const struct coap_peer *peer, const struct coap_pdu *pdu,
                       struct coap_builder *out) {
    struct turn turn = {.peer = peer, .pdu = pdu, .reply = COAP_REPLY_INIT};
    coap_options_parse(pdu, &turn.options);
    if (turn.options.fault == COAP_402_BAD_OPTION && pdu->type == COAP_NON) {
        return false; /* RFC 7252 section 5.4.1: rejected, not answered */
    }
    if (turn.options.fault != 0) {
        refuse_options(&turn);
    } else {
        dispatch(&turn);
    }
    coap_reply_build(&turn.reply, out);
    return true;
}

/* ---- notifications ---------------------------------------------------------------------- */

static void render(struct turn *turn, const struct coap_observation *observation, bool gone) {
    memcpy(turn->options.path, observation->path, sizeof turn->options.path);
    turn->options.accept = observation->accept;
    turn->options.has_block2 = observation->szx != COAP_BLOCK_SZX_MAX;
    turn->options.block2.szx = observation->szx;
    response_init(&turn->response);
    if (gone || !find_route(&turn->route, turn->options.path)) {
        coap_fail(&turn->response, COAP_404_NOT_FOUND, "/%s is gone", turn->options.path);
        copy_response(turn);
    } else {
        run_get(turn);
        finish(turn);
    }
}

static bool build_notification(const struct coap_observation *observation, uint32_t sequence, bool gone,
                               struct coap_builder *out) {
    struct coap_pdu pdu = {.code = COAP_GET};
    struct turn turn = {.peer = &observation->peer, .pdu = &pdu, .reply = COAP_REPLY_INIT};
    turn.options.format = -1;
    render(&turn, observation, gone);
    bool stays = COAP_IS_SUCCESS(turn.reply.code);
    turn.reply.observe = stays ? (int32_t)sequence : -1;
    coap_reply_build(&turn.reply, out);
    return stays;
}

/* ---- public ----------------------------------------------------------------------------- */

void coap_server_changed(const char *path) {
    coap_observe_changed(path);
}

void coap_server_gone(const char *path) {
    coap_observe_gone(path);
}

static const struct coap_msg_upper message_side = {
    .request = on_request, .rejected = coap_observe_rejected, .room = coap_observe_room};

void coap_server_start(const struct coap_resource *table, size_t count) {
    resources = table;
    resource_count = count;
    coap_block_start();
    coap_observe_start(build_notification);
    coap_msg_start(&message_side);
}
