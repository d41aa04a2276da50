#include "net/coap_server.h"

#include <string.h>

#include "net/coap_observe.h"
#include "net/coap_ping.h"
#include "net/coap_proof.h"
#include "net/coap_turn.h"
#include "net/coap_wellknown.h"

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

/* ---- GET -------------------------------------------------------------------------------- */

/* RFC 7641 section 4.1. A query selects something that passes: only the path can be observed. */
static void register_observer(struct coap_turn *turn) {
    if (!(turn->route.resource->flags & COAP_OBSERVABLE) || turn->options.query[0] != '\0') {
        return;
    }
    struct coap_observation observation = {.peer = *turn->peer,
                                           .token_len = turn->pdu->token_len,
                                           .szx = coap_turn_asked(turn).szx,
                                           .accept = turn->options.accept,
                                           .format = turn->response.format};
    memcpy(observation.path, turn->options.path, sizeof observation.path);
    memcpy(observation.token, turn->pdu->token, turn->pdu->token_len);
    int32_t sequence = coap_observe_add(&observation);
    turn->reply.observe = sequence < 0 ? -1 : sequence;
}

static void serve_get(struct coap_turn *turn) {
    if (coap_turn_resume(turn) || !coap_conditions_hold(turn) || coap_turn_validate(turn)) {
        return;
    }
    coap_turn_run(turn, NULL, 0, NULL);
    if (!turn->deferred) {
        coap_turn_finish(turn);
    }
}

/* Registration and its end follow from a GET's answer. A GET without Observe leaves an observation as
 * it is, whatever its token. */
static void serve_observe(struct coap_turn *turn) {
    bool first_block = !turn->options.has_block2 || turn->options.block2.num == 0;
    bool registers = turn->options.observe == 0 && first_block;
    if (registers && COAP_IS_SUCCESS(turn->reply.code) && !turn->deferred) {
        register_observer(turn);
    } else if (registers || turn->options.observe == 1) {
        coap_observe_remove(turn->peer, turn->pdu->token, turn->pdu->token_len);
    }
}

/* ---- requests --------------------------------------------------------------------------- */

static void dispatch(struct coap_turn *turn) {
    uint8_t method = turn->pdu->code;
    if (!find_route(&turn->route, turn->options.path)) {
        coap_turn_fail(turn, COAP_404_NOT_FOUND, "there is no /%s", turn->options.path);
    } else if (method > COAP_DELETE || !(turn->route.resource->methods & (1 << method))) {
        coap_turn_fail(turn, COAP_405_METHOD_NOT_ALLOWED, "/%s does not have this method",
                       turn->options.path);
    } else if (method == COAP_GET) {
        serve_get(turn);
        serve_observe(turn);
    } else {
        coap_serve_change(turn);
    }
}

static void refuse_options(struct coap_turn *turn) {
    const struct coap_options *options = &turn->options;
    if (options->option != 0) {
        coap_turn_fail(turn, options->fault, "%s (option %u)", options->why, (unsigned)options->option);
    } else {
        coap_turn_fail(turn, options->fault, "%s", options->why);
    }
}

/* ---- proof of the peer's address (coap_proof.h) ------------------------------------------ */

/* RFC 9175 section 2.3. A peer that is proven needs no fresh value. */
static void take_echo(struct coap_turn *turn) {
    const struct coap_options *options = &turn->options;
    if (options->echo == NULL) {
        return;
    }
    if (coap_proof_is_echo(turn->peer, options->echo, options->echo_len)) {
        coap_proof_give(turn->peer);
    }
    turn->needs_echo = !coap_proof_is_given(turn->peer);
}

/* Its size, and that of a request for a later block of its answer, which has the same options but those
 * that say which block it is. */
static size_t size_of(const struct coap_pdu *pdu, size_t *without_blocks) {
    struct coap_option_walk walk;
    struct coap_option option;
    size_t size = COAP_HEADER_BYTES + (size_t)pdu->token_len + pdu->options_len;
    *without_blocks = size;
    coap_option_walk_init(&walk, pdu);
    while (coap_option_next(&walk, &option) == WM_OK) {
        bool is_about_blocks = option.number == COAP_OPT_BLOCK1 || option.number == COAP_OPT_BLOCK2 ||
                               option.number == COAP_OPT_SIZE1;
        *without_blocks -= is_about_blocks ? 1 + option.len : 0;
    }
    return size + (pdu->payload_len > 0 ? 1 + pdu->payload_len : 0);
}

/* All blocks of a body are alike: what they may hold depends on what their requests have in common. */
static void limit_answer(struct coap_turn *turn, struct coap_builder *out) {
    size_t without_blocks;
    size_t room = coap_proof_answer_room(turn->peer, size_of(turn->pdu, &without_blocks));
    size_t head = out->len;
    if (room < out->cap || !coap_proof_is_given(turn->peer)) {
        out->cap = room < out->cap ? room : out->cap;
        turn->is_small = true;
        turn->room = out->cap - head;
        turn->block_room = coap_proof_answer_room(turn->peer, without_blocks) - head;
    }
}

/* Who would have got more, or shall be notified, is asked to prove where it is, and who was proven long
 * ago to do so again before that ends. */
static void ask_for_proof(const struct coap_turn *turn, const struct coap_builder *out) {
    const struct coap_reply *reply = &turn->reply;
    bool is_proven = coap_proof_is_given(turn->peer);
    bool is_refused = out->bytes[1] == COAP_401_UNAUTHORIZED && !turn->needs_echo;
    bool gets_less = is_refused || reply->observe >= 0 ||
                     (reply->has_block2 && (reply->block2.more || reply->block2.num > 0));
    if ((!is_proven && gets_less) || coap_proof_is_old(turn->peer)) {
        coap_ping(turn->peer);
    }
}

static void finish_request(struct coap_turn *turn, struct coap_builder *out) {
    coap_turn_build(turn, out);
    if (out->bytes[1] == COAP_401_UNAUTHORIZED && turn->reply.observe >= 0) {
        coap_observe_remove(turn->peer, turn->pdu->token, turn->pdu->token_len);
    }
    ask_for_proof(turn, out);
}

static enum coap_answer on_request(const struct coap_peer *peer, const struct coap_pdu *pdu,
                                   struct coap_builder *out) {
    struct coap_turn turn = {.peer = peer, .pdu = pdu, .asked = true, .reply = COAP_REPLY_INIT};
    if (coap_separate_is_waiting(peer, pdu)) {
        return COAP_ANSWER_LATER;
    }
    coap_options_parse(pdu, &turn.options);
    if (turn.options.fault == COAP_402_BAD_OPTION && pdu->type == COAP_NON) {
        return COAP_ANSWER_RESET; /* RFC 7252 section 5.4.1: rejected, not answered */
    }
    take_echo(&turn);
    limit_answer(&turn, out);
    if (turn.options.fault != 0) {
        refuse_options(&turn);
    } else if (!turn.needs_echo) {
        dispatch(&turn);
    }
    if (turn.deferred) {
        return COAP_ANSWER_LATER;
    }
    finish_request(&turn, out);
    return COAP_ANSWER_NOW;
}

/* ---- notifications ---------------------------------------------------------------------- */

/* RFC 7641 section 4.2: an observation keeps the format it began with. */
static void keep_format(struct coap_turn *turn, const struct coap_observation *observation) {
    if (COAP_IS_SUCCESS(turn->response.code) && turn->response.format != observation->format) {
        coap_fail(&turn->response, COAP_406_NOT_ACCEPTABLE, "the content format has changed to %d",
                  turn->response.format);
    }
}

static void render(struct coap_turn *turn, const struct coap_observation *observation, bool gone) {
    memcpy(turn->options.path, observation->path, sizeof turn->options.path);
    turn->options.accept = observation->accept;
    turn->options.has_block2 = observation->szx != COAP_BLOCK_SZX_MAX;
    turn->options.block2.szx = observation->szx;
    if (gone || !find_route(&turn->route, turn->options.path)) {
        coap_turn_fail(turn, COAP_404_NOT_FOUND, "/%s is gone", turn->options.path);
    } else {
        coap_turn_run(turn, NULL, 0, NULL);
        keep_format(turn, observation);
        coap_turn_finish(turn);
    }
}

static bool build_notification(const struct coap_observation *observation, uint32_t sequence, bool gone,
                               struct coap_builder *out) {
    const struct coap_pdu pdu = {.code = COAP_GET};
    struct coap_turn turn = {.peer = &observation->peer, .pdu = &pdu, .reply = COAP_REPLY_INIT};
    turn.options.format = -1;
    render(&turn, observation, gone);
    bool stays = COAP_IS_SUCCESS(turn.reply.code);
    turn.reply.observe = stays ? (int32_t)sequence : -1;
    coap_turn_build(&turn, out);
    return stays;
}

/* ---- public ----------------------------------------------------------------------------- */

void coap_server_changed(const char *path) {
    coap_observe_changed(path);
}

void coap_server_gone(const char *path) {
    coap_observe_gone(path);
}

/* Answers go before notifications. */
static void on_room(void) {
    coap_separate_room();
    coap_observe_room();
}

static const struct coap_msg_upper message_side = {
    .request = on_request, .rejected = coap_observe_rejected, .room = on_room};

void coap_server_start(const struct coap_resource *table, size_t count) {
    resources = table;
    resource_count = count;
    coap_block_start();
    coap_separate_start();
    coap_observe_start(build_notification);
    coap_ping_start();
    coap_msg_start(&message_side);
}
