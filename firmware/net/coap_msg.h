/* The message layer (RFC 7252 section 4): types, message IDs, deduplication, retransmission. It
 * knows links below and one upper layer above, and nothing of resources. */
#ifndef WASMOTE_COAP_MSG_H
#define WASMOTE_COAP_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/loop.h"
#include "net/coap_pdu.h"
#include "net/link.h"

/* RFC 7252 section 4.8. */
#define COAP_ACK_TIMEOUT_US 2000000u
#define COAP_ACK_RANDOM_SPAN_US 1000000u /* ACK_TIMEOUT * (ACK_RANDOM_FACTOR 1.5 - 1) */
#define COAP_MAX_RETRANSMIT 4

/* A response that finds no room is kept this long: then the client asks again anyway. */
#define COAP_HOLD_US COAP_ACK_TIMEOUT_US

enum coap_answer {
    COAP_ANSWER_NOW,   /* the response is filled in */
    COAP_ANSWER_LATER, /* an empty ACK for now; the upper layer sends its own message (section 5.2.2) */
    COAP_ANSWER_RESET  /* the message is rejected with RST (section 4.2) */
};

struct coap_msg_upper {
    /* A request. Fill the response in: header and token are there, the code is not. */
    enum coap_answer (*request)(const struct coap_peer *peer, const struct coap_pdu *request,
                                struct coap_builder *response);
    /* RST for a message of ours that was not confirmable. */
    void (*rejected)(const struct coap_peer *peer, uint16_t mid);
    /* coap_msg_begin() may succeed again, or an exchange has ended. */
    void (*room)(void);
};

/* upper must stay. Thread; once at start. */
void coap_msg_start(const struct coap_msg_upper *upper);

/* ---- messages of our own (notifications, separate responses)
 * ------------------------------------------------ */

uint16_t coap_msg_next_id(void);

/* For a confirmable message to a peer whose address is not proven: its ACK is the proof, so nobody may
 * be able to tell the ID from those of other messages. */
uint16_t coap_msg_unguessable_id(void);

/* The transmit buffer of COAP_PDU_MAX bytes, or NULL while the link to this peer has no room:
 * upper->room() tells when to try again. */
uint8_t *coap_msg_begin(const struct coap_peer *peer);

/* Sends what was built in the buffer of coap_msg_begin(). */
wm_status coap_msg_send(const struct coap_peer *peer, size_t len);

/* An empty message; best effort. */
void coap_msg_send_empty(const struct coap_peer *peer, enum coap_type type, uint16_t mid);

enum coap_outcome { COAP_ACKED, COAP_REJECTED, COAP_TIMED_OUT };

/* One confirmable message that waits for its ACK (section 4.2). The message is not stored: it is
 * built again when it must be sent again, so that it can carry newer state (RFC 7641 section
 * 4.5.2). Zero-initialised = idle. */
struct coap_exchange {
    struct coap_exchange *next;
    struct loop_timer timer;
    const struct coap_peer *peer;
    uint32_t timeout_us; /* 48 s at most, before the last retransmission */
    uint16_t mid;
    uint8_t retransmissions;
    bool active;
    /* Build and send it again; exchange->mid may be changed first. */
    void (*resend)(struct coap_exchange *exchange);
    /* It has ended; the exchange is idle again. */
    void (*done)(struct coap_exchange *exchange, enum coap_outcome outcome);
};

/* Starts waiting for the ACK of exchange->mid, which was just sent to exchange->peer. */
void coap_exchange_start(struct coap_exchange *exchange);
void coap_exchange_cancel(struct coap_exchange *exchange);

/* Whether a confirmable message to this peer is unanswered (NSTART = 1, section 4.7). */
bool coap_exchange_pending(const struct coap_peer *peer);

/* Since start. */
struct coap_msg_counters {
    uint32_t malformed;         /* messages rejected or ignored for their form */
    uint32_t duplicates;        /* answered from memory, or ignored */
    uint32_t responses_dropped; /* the link had no room for COAP_HOLD_US, or failed */
};

const struct coap_msg_counters *coap_msg_get_counters(void);

#endif
