/* What the message layer needs of a link: who a message came from, and a way to answer. */
#ifndef WASMOTE_LINK_H
#define WASMOTE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "hal.h"

struct coap_peer;

/* One way in and out of the node: slipmux on a serial line, or UDP. */
struct link {
    const char *name;
    /* Sends one whole CoAP message. WM_OK: handed over; WM_EAGAIN: no room now, try when
     * EVENT_WORK or EVENT_UART comes; nothing was sent. */
    wm_status (*send)(const struct coap_peer *peer, const uint8_t *message, size_t len);
};

struct coap_peer {
    const struct link *link;
    uint8_t addr[HAL_ADDR_BYTES]; /* all zero on a serial link: there is one peer */
};

bool coap_peer_equal(const struct coap_peer *a, const struct coap_peer *b);

/* Implemented by net/slipmux_link.c and net/udp_link.c; each registers its loop event and hands
 * every received message to coap_msg_receive(). */
void slipmux_link_start(void);
void udp_link_start(void);

/* Writes a line of diagnostics (slipmux frame 0x0A); dropped when there is no room. */
void slipmux_link_diagnostic(const char *text, size_t len);

#endif
