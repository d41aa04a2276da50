/* Separate responses (RFC 7252 section 5.2.2): the request was acknowledged with an empty ACK, its
 * answer is a message of its own. One at a time. */
#include <string.h>

#include "net/coap_lifetime.h"
#include "net/coap_observe.h"
#include "net/coap_proof.h"
#include "net/coap_turn.h"

enum stage {
    NOTHING = 0,
    WORKING, /* the application owes the answer */
    READY,   /* it waits for the link, or for another exchange with this client (NSTART = 1) */
    SENT     /* it waits for its ACK */
};

struct coap_deferral {
    enum stage stage;
    struct coap_peer peer;
    enum coap_type type;
    uint8_t method;
    uint8_t token_len;
    uint8_t token[COAP_TOKEN_MAX];
    uint16_t mid;         /* of the request */
    uint32_t forget_at_s; /* the request: the same message is another one then */
    size_t room;          /* bytes of the message */
    uint32_t drop_at_s;   /* READY: an answer that has found no room by then */
    struct coap_options options;
    struct coap_response response;
    struct loop_timer soon;
    struct coap_exchange exchange;
    uint8_t body[COAP_DEFERRED_BODY_MAX];
};

_Static_assert(COAP_DEFERRED_BODY_MAX <= COAP_BODY_MAX, "a deferred body is sent like any other");

static struct coap_deferral deferral;

/* ---- sending ---------------------------------------------------------------------------- */

/* Builds it anew each time, from what was kept: a retransmission is the same bytes. */
static void build(struct coap_builder *out) {
    const struct coap_pdu pdu = {.code = deferral.method};
    struct coap_turn turn = {.peer = &deferral.peer, .pdu = &pdu, .reply = COAP_REPLY_INIT};
    turn.options = deferral.options;
    if (deferral.room < COAP_PDU_MAX) {
        turn.is_small = true;
        turn.room = turn.block_room = out->cap > out->len ? out->cap - out->len : 0;
    }
    coap_turn_clear(&turn);
    uint8_t *body = turn.response.body;
    memcpy(body, deferral.body, sizeof deferral.body);
    turn.response = deferral.response;
    turn.response.body = body;
    coap_turn_check(&turn);
    coap_turn_finish(&turn);
    coap_turn_build(&turn, out);
}

static wm_status transmit(uint16_t mid) {
    uint8_t *buffer = coap_msg_begin(&deferral.peer);
    if (buffer == NULL) {
        return WM_EAGAIN;
    }
    struct coap_builder builder;
    coap_build(&builder, buffer, deferral.room, deferral.type, COAP_CODE_EMPTY, mid, deferral.token,
               deferral.token_len);
    build(&builder);
    if (builder.status != WM_OK) {
        return builder.status;
    }
    return coap_msg_send(&deferral.peer, builder.len);
}

static void resend(struct coap_exchange *exchange) {
    (void)transmit(exchange->mid); /* no room: as if it was lost */
}

static void concluded(struct coap_exchange *exchange, enum coap_outcome outcome) {
    (void)exchange;
    deferral.stage = NOTHING;
    if (outcome == COAP_TIMED_OUT) {
        coap_observe_lost(&deferral.peer);
    }
}

static bool is_too_late(void) {
    return deferral.stage == READY && coap_now_s() >= deferral.drop_at_s;
}

void coap_separate_room(void) {
    bool confirmable = deferral.type == COAP_CON;
    if (is_too_late()) {
        deferral.stage = NOTHING;
    }
    if (deferral.stage != READY || (confirmable && coap_exchange_pending(&deferral.peer))) {
        return;
    }
    uint16_t mid = confirmable ? coap_msg_unguessable_id() : coap_msg_next_id();
    if (transmit(mid) == WM_EAGAIN) {
        return;
    }
    deferral.stage = confirmable ? SENT : NOTHING;
    if (confirmable) {
        deferral.exchange.mid = mid;
        deferral.exchange.peer = &deferral.peer;
        deferral.exchange.resend = resend;
        deferral.exchange.done = concluded;
        coap_exchange_start(&deferral.exchange);
    }
}

/* In a turn of its own: coap_complete() may be called inside a handler, whose buffers are in use, and
 * even before the handler that deferred has returned. */
static void on_complete(void *arg) {
    (void)arg;
    deferral.response.code = coap_upload_release(deferral.response.code);
    deferral.stage = READY;
    deferral.room = coap_proof_room(&deferral.peer);
    deferral.drop_at_s = coap_forget_at_s(deferral.type);
    coap_separate_room();
}

/* ---- for handlers ----------------------------------------------------------------------- */

/* To whom the answer goes. */
static void address(const struct coap_turn *turn) {
    deferral.peer = *turn->peer;
    deferral.type = turn->pdu->type;
    deferral.method = turn->pdu->code;
    deferral.mid = turn->pdu->mid;
    deferral.forget_at_s = coap_forget_at_s(turn->pdu->type);
    deferral.token_len = turn->pdu->token_len;
    memcpy(deferral.token, turn->pdu->token, turn->pdu->token_len);
    deferral.options = turn->options;
    deferral.options.echo = NULL; /* it points into the request */
}

/* A client that asks anew at the same path waits for no answer from before: it must not hold this one
 * up, nor may one that waits for a line which takes nothing. */
static void forget_answer_before(const struct coap_turn *turn) {
    bool is_made = deferral.stage == READY || deferral.stage == SENT;
    bool asks_anew = coap_peer_equal(&deferral.peer, turn->peer) &&
                     strcmp(deferral.options.path, turn->options.path) == 0;
    if (is_too_late() || (is_made && asks_anew)) {
        coap_exchange_cancel(&deferral.exchange);
        deferral.stage = NOTHING;
    }
}

struct coap_deferral *coap_defer(const struct coap_request *request, struct coap_response *response) {
    struct coap_turn *turn = request->turn;
    if (!turn->asked) {
        coap_fail(response, COAP_500_INTERNAL, "/%s cannot be observed or validated: its answer is late",
                  request->path);
        return NULL;
    }
    forget_answer_before(turn);
    if (deferral.stage != NOTHING) {
        coap_fail(response, COAP_503_UNAVAILABLE, "another request is being worked on");
        response->max_age_s = 1;
        return NULL;
    }
    deferral.stage = WORKING;
    address(turn);
    turn->deferred = true;
    return &deferral;
}

void coap_defer_instead(struct coap_deferral *of, const struct coap_request *request) {
    if (of->stage == WORKING && request->turn->asked) {
        address(request->turn);
        request->turn->deferred = true;
    }
}

void coap_deferred_begin(struct coap_deferral *of, struct coap_response *response) {
    *response =
        (struct coap_response){.format = COAP_FORMAT_NONE, .body = of->body, .cap = sizeof of->body};
}

void coap_complete(struct coap_deferral *of, const struct coap_response *response) {
    if (of->stage != WORKING) {
        return;
    }
    of->response = *response;
    if (response->body != of->body && response->len <= sizeof of->body) {
        memcpy(of->body, response->body, response->len);
    }
    of->response.cap = sizeof of->body;
    loop_timer_at(&of->soon, hal_now_us(), on_complete, NULL);
}

/* ---- for the server --------------------------------------------------------------------- */

bool coap_separate_is_waiting(const struct coap_peer *peer, const struct coap_pdu *request) {
    return deferral.stage != NOTHING && coap_now_s() < deferral.forget_at_s &&
           deferral.mid == request->mid && deferral.token_len == request->token_len &&
           memcmp(deferral.token, request->token, request->token_len) == 0 &&
           coap_peer_equal(&deferral.peer, peer);
}

void coap_separate_start(void) {
    loop_timer_cancel(&deferral.soon);
    coap_exchange_cancel(&deferral.exchange);
    deferral.stage = NOTHING;
}
