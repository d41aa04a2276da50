/* The seam between links and the message layer: who a message came from, a way to answer, and
 * flow control in both directions. Links know only this header, never the CoAP layers.
 *
 *     coap_msg --link->send--> slipmux_link, udp_link --> hal
 *     coap_msg <--link_deliver, link_room--  ...      <-- EVENT_UART, EVENT_UDP
 */
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
    /* Sends one whole CoAP message. WM_OK: handed over; WM_EAGAIN: no room now, link_room() will
     * tell when, nothing was sent; WM_EINVAL: longer than COAP_PDU_MAX; WM_EIO: lost. */
    wm_status (*send)(const struct coap_peer *peer, const uint8_t *message, size_t len);
    /* Whether send() would take a message now: asked before work is spent on building one. */
    bool (*has_room)(void);
    bool is_point_to_point; /* one peer is at the other end: what goes out can reach nobody else */
};

struct coap_peer {
    const struct link *link;
    uint8_t addr[HAL_ADDR_BYTES]; /* all zero on a serial link: there is one peer */
};

bool coap_peer_equal(const struct coap_peer *a, const struct coap_peer *b);

/* ---- what the message layer registers --------------------------------------------------- */

struct link_upper {
    void (*receive)(const struct coap_peer *peer, const uint8_t *message, size_t len);
    bool (*ready)(void); /* a message can be received now; false while a response waits for room */
    void (*room)(void);  /* a link that had answered WM_EAGAIN has room again */
};

/* upper must stay. Thread; once at start, before the links are started. */
void link_listen(const struct link_upper *upper);

/* The message layer is ready again: links look at what they left waiting. */
void link_resume(void);

/* ---- what the links call ---------------------------------------------------------------- */

bool link_ready(void);
void link_deliver(const struct coap_peer *peer, const uint8_t *message, size_t len);
void link_room(void);

/* Faults since start, for /node. */
struct link_counters {
    uint32_t frames_dropped;    /* slipmux: wrong FCS, form or length */
    uint32_t overruns;          /* bytes lost in front of the receive ring */
    uint32_t datagrams_dropped; /* UDP: longer than COAP_PDU_MAX */
};

void link_get_counters(struct link_counters *out);
void link_count_frame_dropped(void);
void link_count_datagram_dropped(void);

/* ---- the links -------------------------------------------------------------------------- */

/* Implemented by net/slipmux_link.c and net/udp_link.c; each registers its loop event and hands
 * every received message to link_deliver(). Start them after coap_server_start(). */
void slipmux_link_start(void);
void udp_link_start(void);

/* Whether nothing that was sent is still on its way out. */
bool link_is_idle(void);

/* Writes a line of diagnostics (slipmux frame 0x0A); dropped when there is no room. */
void slipmux_link_diagnostic(const char *text, size_t len);

#endif
