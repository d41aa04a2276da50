#include "net/link.h"

#include <string.h>

#include "core/loop.h"

static const struct link_upper *above;
static struct link_counters counters;

bool coap_peer_equal(const struct coap_peer *a, const struct coap_peer *b) {
    return a->link == b->link && memcmp(a->addr, b->addr, sizeof a->addr) == 0;
}

void link_listen(const struct link_upper *upper) {
    above = upper;
    link_resume();
}

void link_resume(void) {
    loop_post(EVENT_UART);
    loop_post(EVENT_UDP);
}

bool link_ready(void) {
    return above != NULL && above->ready();
}

void link_deliver(const struct coap_peer *peer, const uint8_t *message, size_t len) {
    above->receive(peer, message, len);
}

void link_room(void) {
    if (above != NULL) {
        above->room();
    }
}

void link_get_counters(struct link_counters *out) {
    *out = counters;
    out->overruns = hal_uart_overruns();
}

void link_count_frame_dropped(void) {
    counters.frames_dropped++;
}

void link_count_datagram_dropped(void) {
    counters.datagrams_dropped++;
}
