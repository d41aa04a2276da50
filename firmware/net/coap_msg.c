#include "net/coap_msg.h"

#include <string.h>

#include "config.h"
#include "core/bytes.h"
#include "net/coap_dedup.h"
#include "net/coap_proof.h"
#include "net/fnv.h"

static const struct coap_msg_upper *above;
static struct coap_msg_counters counters;
static struct coap_exchange *exchanges; /* the active ones */
static uint16_t next_mid;
static struct loop_timer room_timer;

/* The one transmit buffer. A response that found no room stays in it and stops reception (see
 * ready()), so that it is neither overwritten nor overtaken. */
static struct {
    uint8_t bytes[COAP_PDU_MAX];
    struct coap_peer peer;
    size_t held; /* length of a response that waits for room, or 0 */
    struct loop_timer give_up;
} tx;

/* ---- sending ---------------------------------------------------------------------------- */

static void release(void) {
    tx.held = 0;
    loop_timer_cancel(&tx.give_up);
    link_resume();
    above->room();
}

static void give_up(void *arg) {
    (void)arg;
    counters.responses_dropped++;
    release();
}

/* The only way out. What is more than an unproven address may get is lost (coap_proof.h). */
static wm_status send(const struct coap_peer *peer, const uint8_t *message, size_t len) {
    return coap_proof_spend(peer, len) ? peer->link->send(peer, message, len) : WM_EIO;
}

static void send_response(const struct coap_peer *peer, size_t len) {
    wm_status status = send(peer, tx.bytes, len);
    if (status == WM_EAGAIN) {
        tx.peer = *peer;
        tx.held = len;
        loop_timer_at(&tx.give_up, hal_now_us() + COAP_HOLD_US, give_up, NULL);
    } else if (status != WM_OK) {
        counters.responses_dropped++;
    }
}

/* A link has room: the response that waits goes first. */
static void on_room(void) {
    if (tx.held == 0) {
        above->room();
        return;
    }
    wm_status status = send(&tx.peer, tx.bytes, tx.held);
    if (status != WM_EAGAIN) {
        counters.responses_dropped += status != WM_OK;
        release();
    }
}

void coap_msg_send_empty(const struct coap_peer *peer, enum coap_type type, uint16_t mid) {
    uint8_t empty[COAP_HEADER_BYTES];
    coap_build_empty(empty, type, mid);
    (void)send(peer, empty, sizeof empty);
}

uint16_t coap_msg_next_id(void) {
    return next_mid++;
}

uint16_t coap_msg_unguessable_id(void) {
    uint8_t random[2];
    hal_random(random, sizeof random);
    return get_le16(random);
}

uint8_t *coap_msg_begin(const struct coap_peer *peer) {
    bool has_room = peer->link->has_room(); /* asked in any case: it arms the link's room event */
    return tx.held == 0 && has_room ? tx.bytes : NULL;
}

wm_status coap_msg_send(const struct coap_peer *peer, size_t len) {
    return send(peer, tx.bytes, len);
}

/* ---- confirmable messages of our own ---------------------------------------------------- */

static void unlink_exchange(struct coap_exchange *exchange) {
    struct coap_exchange **at = &exchanges;
    while (*at != exchange) {
        at = &(*at)->next;
    }
    *at = exchange->next;
    exchange->active = false;
    loop_timer_cancel(&exchange->timer);
}

static void finish(struct coap_exchange *exchange, enum coap_outcome outcome) {
    unlink_exchange(exchange);
    exchange->done(exchange, outcome);
    above->room(); /* what NSTART held back may go now */
}

static void on_timeout(void *arg) {
    struct coap_exchange *exchange = (struct coap_exchange *)arg;
    if (exchange->retransmissions == COAP_MAX_RETRANSMIT) {
        finish(exchange, COAP_TIMED_OUT);
        return;
    }
    exchange->retransmissions++;
    exchange->timeout_us *= 2;
    loop_timer_at(&exchange->timer, hal_now_us() + exchange->timeout_us, on_timeout, exchange);
    exchange->resend(exchange);
}

void coap_exchange_start(struct coap_exchange *exchange) {
    uint8_t random[4];
    hal_random(random, sizeof random);
    exchange->timeout_us = COAP_ACK_TIMEOUT_US + get_le32(random) % COAP_ACK_RANDOM_SPAN_US;
    exchange->retransmissions = 0;
    exchange->active = true;
    exchange->next = exchanges;
    exchanges = exchange;
    loop_timer_at(&exchange->timer, hal_now_us() + exchange->timeout_us, on_timeout, exchange);
}

static void on_cancelled(void *arg) {
    (void)arg;
    on_room();
}

/* Makes room as well, but not at once: a response may be in the making. */
void coap_exchange_cancel(struct coap_exchange *exchange) {
    if (exchange->active) {
        unlink_exchange(exchange);
        loop_timer_at(&room_timer, hal_now_us(), on_cancelled, NULL);
    }
}

bool coap_exchange_pending(const struct coap_peer *peer) {
    const struct coap_exchange *exchange = exchanges;
    while (exchange != NULL && !coap_peer_equal(exchange->peer, peer)) {
        exchange = exchange->next;
    }
    return exchange != NULL;
}

static struct coap_exchange *find_exchange(const struct coap_peer *peer, uint16_t mid) {
    struct coap_exchange *exchange = exchanges;
    while (exchange != NULL && !(exchange->mid == mid && coap_peer_equal(exchange->peer, peer))) {
        exchange = exchange->next;
    }
    return exchange;
}

/* ---- receiving -------------------------------------------------------------------------- */

/* It names a message that was never sent there. Whoever tries one ID after the other in the name of a
 * peer that is not proven has one try for each time that this one is asked. */
static void on_wrong_id(const struct coap_peer *peer) {
    struct coap_exchange *exchange = exchanges;
    while (exchange != NULL && !coap_peer_equal(exchange->peer, peer)) {
        exchange = exchange->next;
    }
    if (exchange != NULL && !coap_proof_is_given(peer)) {
        finish(exchange, COAP_TIMED_OUT);
    }
}

static void on_ack(const struct coap_peer *peer, uint16_t mid) {
    struct coap_exchange *exchange = find_exchange(peer, mid);
    if (exchange != NULL) {
        coap_proof_give(peer);
        finish(exchange, COAP_ACKED);
    } else {
        on_wrong_id(peer);
    }
}

static void on_reset(const struct coap_peer *peer, uint16_t mid) {
    struct coap_exchange *exchange = find_exchange(peer, mid);
    if (exchange != NULL) {
        coap_proof_give(peer);
        finish(exchange, COAP_REJECTED);
    } else {
        above->rejected(peer, mid);
        on_wrong_id(peer);
    }
}

/* An ACK is empty or carries a response, an RST is empty; others are ignored (sections 4.2, 4.3). */
static void on_reply(const struct coap_peer *peer, const struct coap_pdu *pdu) {
    bool is_empty = pdu->code == COAP_CODE_EMPTY;
    if (pdu->type == COAP_ACK && (is_empty || COAP_CODE_CLASS(pdu->code) != 0)) {
        on_ack(peer, pdu->mid);
    } else if (pdu->type == COAP_RST && is_empty) {
        on_reset(peer, pdu->mid);
    } else {
        counters.malformed++;
    }
}

static void build_failure(struct coap_builder *builder, enum coap_type type, uint16_t mid,
                          const struct coap_pdu *request) {
    const uint8_t internal_error = (5 << 5) | 0;
    coap_build(builder, tx.bytes, sizeof tx.bytes, type, internal_error, mid, request->token,
               request->token_len);
}

/* Builds the response in the transmit buffer: piggybacked on the ACK, or a NON for a NON (section
 * 5.2), or an empty ACK for now. Returns its length, or 0 when the request is rejected. */
static size_t answer(const struct coap_peer *peer, const struct coap_pdu *request, bool *later) {
    bool confirmable = request->type == COAP_CON;
    enum coap_type type = confirmable ? COAP_ACK : COAP_NON;
    uint16_t mid = confirmable ? request->mid : coap_msg_next_id();
    struct coap_builder builder;
    coap_build(&builder, tx.bytes, sizeof tx.bytes, type, COAP_CODE_EMPTY, mid, request->token,
               request->token_len);
    enum coap_answer given = above->request(peer, request, &builder);
    *later = given == COAP_ANSWER_LATER;
    if (given == COAP_ANSWER_RESET) {
        return 0;
    }
    if (*later) {
        coap_build_empty(tx.bytes, COAP_ACK, request->mid);
        return COAP_HEADER_BYTES;
    }
    if (builder.status != WM_OK) {
        build_failure(&builder, type, mid, request);
    }
    return builder.len;
}

static void on_request(const struct coap_peer *peer, const struct coap_pdu *request, uint32_t hash) {
    const uint8_t *known;
    size_t len;
    bool later;
    switch (coap_dedup_find(peer, request, hash, &known, &len)) {
    case COAP_DEDUP_IGNORE:
        counters.duplicates++;
        return;
    case COAP_DEDUP_REPLAY:
        counters.duplicates++;
        memcpy(tx.bytes, known, len);
        send_response(peer, len);
        return;
    case COAP_DEDUP_NEW:
        break;
    }
    len = answer(peer, request, &later);
    if (len == 0) {
        coap_msg_send_empty(peer, COAP_RST, request->mid);
        return;
    }
    coap_dedup_remember(peer, request, hash, tx.bytes, len);
    if (!later || request->type == COAP_CON) { /* there is no ACK of a NON */
        send_response(peer, len);
    }
}

/* CON and NON. Anything but a request has no business here: a ping (section 4.3) and a response
 * that nobody waits for are answered with RST when confirmable, else ignored. */
static void on_message(const struct coap_peer *peer, const struct coap_pdu *pdu, uint32_t hash) {
    if (COAP_CODE_CLASS(pdu->code) == 0 && pdu->code != COAP_CODE_EMPTY) {
        on_request(peer, pdu, hash);
    } else if (pdu->type == COAP_CON) {
        coap_msg_send_empty(peer, COAP_RST, pdu->mid);
    }
}

static void on_malformed(const struct coap_peer *peer, const struct coap_pdu *pdu, wm_status status) {
    counters.malformed++;
    if (status == WM_EINVAL && pdu->type == COAP_CON) {
        coap_msg_send_empty(peer, COAP_RST, pdu->mid);
    }
}

static bool ready(void) {
    return tx.held == 0;
}

static void receive(const struct coap_peer *peer, const uint8_t *message, size_t len) {
    struct coap_pdu pdu;
    coap_proof_heard(peer, len);
    wm_status status = coap_parse(message, len, &pdu);
    if (status != WM_OK) {
        on_malformed(peer, &pdu, status);
        return;
    }
    switch (pdu.type) {
    case COAP_CON:
    case COAP_NON:
        on_message(peer, &pdu, fnv1a(message, len));
        break;
    case COAP_ACK:
    case COAP_RST:
        on_reply(peer, &pdu);
        break;
    }
}

static const struct link_upper link_side = {.receive = receive, .ready = ready, .room = on_room};

const struct coap_msg_counters *coap_msg_get_counters(void) {
    return &counters;
}

void coap_msg_start(const struct coap_msg_upper *upper) {
    uint8_t random[2];
    hal_random(random, sizeof random);
    next_mid = get_le16(random);
    above = upper;
    exchanges = NULL;
    counters = (struct coap_msg_counters){0};
    loop_timer_cancel(&tx.give_up);
    loop_timer_cancel(&room_timer);
    tx.held = 0;
    coap_dedup_reset();
    coap_proof_start();
    link_listen(&link_side);
}
