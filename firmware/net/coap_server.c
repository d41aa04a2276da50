#include "net/coap_server.h"

#include <string.h>

#include "net/coap_observe.h"
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
                                           .szx = coap_turn_wanted(turn).szx,
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
    if (turn.options.fault != 0) {
        refuse_options(&turn);
    } else {
        dispatch(&turn);
    }
    if (turn.deferred) {
        return COAP_ANSWER_LATER;
    }
    coap_turn_build(&turn, out);
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
    coap_msg_start(&message_side);
}
