/* One request on its way through the server, and the steps from a handler's response to the reply
 * on the wire. Private to the coap_server family of files. */
#ifndef WASMOTE_COAP_TURN_H
#define WASMOTE_COAP_TURN_H

#include "net/coap_block.h"
#include "net/coap_msg.h"
#include "net/coap_options.h"
#include "net/coap_route.h"
#include "net/coap_server.h"

struct coap_turn {
    const struct coap_peer *peer;
    const struct coap_pdu *pdu;
    bool asked;              /* by a client just now: not a notification, nor a look at what exists */
    bool deferred;           /* the handler has called coap_defer() */
    bool is_small;           /* the answer has `room`, because its peer is not proven (coap_proof.h) */
    size_t room, block_room; /* bytes for options and payload; for those of a block */
    bool needs_echo; /* it came with an Echo value that is none, or none any more: 4.01 with a new one */
    struct coap_options options;
    struct coap_route route;
    struct coap_response response;
    struct coap_reply reply;
};

/* ---- coap_respond.c --------------------------------------------------------------------- */

/* An empty response that is written into the buffer for the next body. */
void coap_turn_clear(struct coap_turn *turn);

/* The request as a handler sees it, without payload. */
struct coap_request coap_turn_request(struct coap_turn *turn, enum coap_method method);

/* Runs the handler; piece (may be NULL) is the block of an upload that payload belongs to. */
void coap_turn_run(struct coap_turn *turn, const uint8_t *payload, size_t len,
                   const struct coap_piece *piece);

/* Replaces an answer that is none, or not in the format asked for, by an error. */
void coap_turn_check(struct coap_turn *turn);

/* Turns what the handler made into a reply: 2.03, whole where it fits into one block, or a slice. */
void coap_turn_finish(struct coap_turn *turn);

/* An error that the server itself answers with. */
void coap_turn_fail(struct coap_turn *turn, uint8_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Answers a later block from the copy that is kept. False: there is none. */
bool coap_turn_resume(struct coap_turn *turn);

/* Writes the finished reply; where a small one has no room for it, 4.01 with an Echo option (RFC 9175
 * section 2.3). */
void coap_turn_build(const struct coap_turn *turn, struct coap_builder *out);

/* The block of the answer that the client wants, no larger than what this build offers, and what it
 * gets: the same or, in a small answer, a smaller one at the same place. */
struct coap_block coap_turn_asked(const struct coap_turn *turn);
struct coap_block coap_turn_wanted(const struct coap_turn *turn);

/* ---- coap_conditional.c (RFC 7252 sections 5.10.6 and 5.10.8) --------------------------- */

/* A hash of the body that is never 0. */
uint32_t coap_etag_of(const uint8_t *body, size_t len);

/* Whether If-Match and If-None-Match hold; otherwise the reply is a 4.12. */
bool coap_conditions_hold(struct coap_turn *turn);

/* Whether a GET names this ETag, so that 2.03 is answer enough. */
bool coap_etag_is_known(const struct coap_turn *turn, uint32_t etag);

/* Answers a GET 2.03 before its body is made, where the resource can tell its ETag. */
bool coap_turn_validate(struct coap_turn *turn);
void coap_turn_valid(struct coap_turn *turn, uint32_t etag, uint32_t max_age_s);

/* ---- coap_change.c ---------------------------------------------------------------------- */

/* PUT, POST and DELETE, with their uploads. */
void coap_serve_change(struct coap_turn *turn);

/* ---- coap_separate.c (RFC 7252 section 5.2.2) ------------------------------------------- */

void coap_separate_start(void);

/* Whether this is the request, once more, that is being answered later. */
bool coap_separate_is_waiting(const struct coap_peer *peer, const struct coap_pdu *request);

/* A link has room, or an exchange has ended. */
void coap_separate_room(void);

#endif
