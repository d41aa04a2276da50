/* The memory of requests that were answered (RFC 7252 section 4.5), bounded: a ring in which the
 * oldest entry makes room for the newest, and none outlives its message (net/coap_lifetime.h). */
#ifndef WASMOTE_COAP_DEDUP_H
#define WASMOTE_COAP_DEDUP_H

#include <stddef.h>
#include <stdint.h>

#include "net/coap_pdu.h"
#include "net/link.h"

enum coap_dedup_result {
    COAP_DEDUP_NEW,    /* execute it */
    COAP_DEDUP_REPLAY, /* send *response again */
    COAP_DEDUP_IGNORE  /* a duplicate that gets no answer */
};

void coap_dedup_reset(void);

/* hash: of the whole request. A retransmission is bit-identical, so the same message ID with other
 * content is a new request: of a client that was restarted, or one that went round 65536 IDs. */
enum coap_dedup_result coap_dedup_find(const struct coap_peer *peer, const struct coap_pdu *request,
                                       uint32_t hash, const uint8_t **response, size_t *len);

/* Remembers the response to a request. One that is too long to keep is not kept for idempotent
 * methods - those are executed again (section 4.5) - and is kept without its payload for POST. */
void coap_dedup_remember(const struct coap_peer *peer, const struct coap_pdu *request, uint32_t hash,
                         const uint8_t *response, size_t len);

#endif
