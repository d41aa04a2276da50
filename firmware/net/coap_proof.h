/* Who has shown that it is where its messages say they come from. Over UDP that is easily lied about: a
 * small request in somebody's name would make the node send a large answer there. Until an address is
 * proven it is sent at most three bytes for each one that came from it (RFC 7252 section 11.3, RFC 9175
 * section 2.4); on a link to a single peer there is nobody else to be meant.
 *
 * An address is proven by what only who receives there can know: the message ID of a confirmable message
 * of the node, or the value of an Echo option. */
#ifndef WASMOTE_COAP_PROOF_H
#define WASMOTE_COAP_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/coap_pdu.h"
#include "net/link.h"

void coap_proof_start(void);

/* A message of so many bytes came from there: three times as many may go back. */
void coap_proof_heard(const struct coap_peer *peer, size_t len);

/* Accounts for a message that is about to go there. False: it must not. */
bool coap_proof_spend(const struct coap_peer *peer, size_t len);

/* How long a message may be that goes there now: COAP_PDU_MAX, or less while nothing is proven. */
size_t coap_proof_room(const struct coap_peer *peer);

/* How long the answer to a request of so many bytes may be. It does not depend on what went before, so
 * that all blocks of a body are alike. */
size_t coap_proof_answer_room(const struct coap_peer *peer, size_t len);

/* This peer was proven when it asked for the message of so many bytes that goes there next. */
void coap_proof_allow(const struct coap_peer *peer, size_t len);

bool coap_proof_is_given(const struct coap_peer *peer);

/* Whether it was given, but so long ago that it should be given again before it ends. */
bool coap_proof_is_old(const struct coap_peer *peer);

/* The peer has named a message ID, or an Echo value, that only who receives there can know. */
void coap_proof_give(const struct coap_peer *peer);

/* A value for this peer, which is good for two to four minutes, and whether this is one. */
void coap_proof_make_echo(const struct coap_peer *peer, uint8_t echo[COAP_ECHO_BYTES]);
bool coap_proof_is_echo(const struct coap_peer *peer, const uint8_t *echo, size_t len);

#endif
