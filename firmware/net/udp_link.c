/* CoAP over UDP (RFC 7252 section 3): a datagram is a message. */
#include "net/link.h"

#include "config.h"
#include "core/loop.h"

static uint8_t in[COAP_PDU_MAX];

static wm_status link_send(const struct coap_peer *peer, const uint8_t *message, size_t len) {
    return hal_udp_send(peer->addr, message, len);
}

static bool link_has_room(void) {
    return true;
}

static const struct link udp_link = {"udp", link_send, link_has_room, false};

/* One datagram a turn, so that a flood cannot keep timers and the serial line waiting. */
static void on_udp(void) {
    if (!link_ready()) {
        return; /* link_resume() posts this event again */
    }
    struct coap_peer peer = {.link = &udp_link};
    int len = hal_udp_recv(peer.addr, in, sizeof in);
    if (len > 0) {
        link_deliver(&peer, in, (size_t)len);
    } else if (len < 0) {
        link_count_datagram_dropped();
    }
    if (len != 0) {
        loop_post(EVENT_UDP);
    }
}

void udp_link_start(void) {
    loop_on(EVENT_UDP, on_udp);
    loop_post(EVENT_UDP);
}
