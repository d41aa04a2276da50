/* Asks a peer to show that it is there: an empty confirmable message, which everybody rejects (RFC 7252
 * section 4.3). Its message ID cannot be guessed, so the RST is the proof (coap_proof.h). */
#ifndef WASMOTE_COAP_PING_H
#define WASMOTE_COAP_PING_H

#include "net/link.h"

void coap_ping_start(void);

/* Asks in a turn of its own, behind the response that is being made; not while another confirmable
 * message waits for this peer. One who stays silent observes nothing any more; of too many who do, the
 * first is no longer asked. */
void coap_ping(const struct coap_peer *peer);

#endif
