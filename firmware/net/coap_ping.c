#include "net/coap_ping.h"

#include <string.h>

#include "config.h"
#include "net/coap_msg.h"
#include "net/coap_observe.h"
#include "net/coap_proof.h"

struct ping {
    struct coap_peer peer;
    struct loop_timer soon;
    struct coap_exchange exchange;
};

static struct ping pings[BOARD_NET ? COAP_PINGS_MAX : 1]; /* a ring */
static size_t oldest;

static void send(struct coap_exchange *exchange) {
    coap_msg_send_empty(exchange->peer, COAP_CON, exchange->mid);
}

static void concluded(struct coap_exchange *exchange, enum coap_outcome outcome) {
    if (outcome == COAP_TIMED_OUT) {
        coap_observe_lost(exchange->peer);
    }
}

static void begin(void *arg) {
    struct ping *ping = (struct ping *)arg;
    if (coap_exchange_pending(&ping->peer) || coap_proof_room(&ping->peer) < COAP_HEADER_BYTES) {
        return; /* its ACK will do; behind the next answer there may be more room */
    }
    ping->exchange.peer = &ping->peer;
    ping->exchange.mid = coap_msg_unguessable_id();
    ping->exchange.resend = send;
    ping->exchange.done = concluded;
    send(&ping->exchange);
    coap_exchange_start(&ping->exchange);
}

static bool is_free(const struct ping *ping) {
    return !ping->soon.armed && !ping->exchange.active;
}

static bool is_asked(const struct coap_peer *peer) {
    for (size_t i = 0; i < COAP_PINGS_MAX; i++) {
        if (!is_free(&pings[i]) && coap_peer_equal(&pings[i].peer, peer)) {
            return true;
        }
    }
    return false;
}

void coap_ping(const struct coap_peer *peer) {
    if (!BOARD_NET || is_asked(peer)) {
        return;
    }
    struct ping *ping = &pings[oldest];
    oldest = (oldest + 1) % COAP_PINGS_MAX;
    coap_exchange_cancel(&ping->exchange); /* who is there has answered long ago */
    ping->peer = *peer;
    loop_timer_at(&ping->soon, hal_now_us(), begin, ping);
}

void coap_ping_start(void) {
    for (size_t i = 0; BOARD_NET && i < COAP_PINGS_MAX; i++) {
        loop_timer_cancel(&pings[i].soon);
        coap_exchange_cancel(&pings[i].exchange);
    }
}
