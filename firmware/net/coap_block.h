/* Block-wise transfers (RFC 7959): one upload (Block1) and one body that is being sent (Block2). */
#ifndef WASMOTE_COAP_BLOCK_H
#define WASMOTE_COAP_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/coap_options.h"
#include "net/link.h"

void coap_block_start(void);

/* ---- Block1: uploads -------------------------------------------------------------------- */

/* One block of a request body. A request without Block1 is block 0 with nothing to follow. */
struct coap_piece {
    const struct coap_peer *peer;
    const char *path;
    uint8_t method;
    enum coap_type type;
    bool is_streamed; /* nothing is kept here: a block may come again, and block 0, while it is worked on
                       */
    uint32_t tag;     /* Request-Tag (RFC 9175 section 3): blocks of one body have the same */
    struct coap_block block;
    const uint8_t *payload;
    size_t len;
    bool (*proves)(const uint8_t *payload, size_t len); /* of the resource; NULL: nothing does */
};

typedef void coap_abandon(const char *path);

enum coap_upload_result {
    COAP_UPLOAD_NEXT,      /* in order: hand it on, then call coap_upload_answered() */
    COAP_UPLOAD_REPEATED,  /* the block before, again: answer coap_upload_last_code() */
    COAP_UPLOAD_GAP,       /* not the next block, or nothing was begun: 4.08 */
    COAP_UPLOAD_BUSY,      /* another client uploads, or the answer is being worked on: 5.03 */
    COAP_UPLOAD_MALFORMED, /* a block that is not full and not the last: 4.00 */
};

/* Judges a block against the upload in progress; block 0 starts anew. abandon (may be NULL) is
 * called once if the upload that this block belongs to ends in any way but a 2.xx to its end. */
enum coap_upload_result coap_upload_offer(const struct coap_piece *piece, coap_abandon *abandon);

/* An upload gives way to block 0 of another client when it has proven nothing (coap_upload_prove()) and
 * has made no progress for COAP_UPLOAD_UNPROVEN_S, or when that block proves what it may; one that has
 * proven it, when it has made none for COAP_UPLOAD_STALLED_S, and that block proves as much. To begin
 * anew is no progress. */

/* The code that the block handed on was answered with: 2.xx goes on, or ends it after the last
 * block; an error ends it. */
void coap_upload_answered(const struct coap_piece *piece, uint8_t code);

/* The block handed on will be answered later: until then nothing else is taken. */
void coap_upload_hold(const struct coap_piece *piece);

/* What was held is answered with this code. Returns the code to send: 2.31 for a success when more
 * blocks follow. Does nothing when nothing is held. */
uint8_t coap_upload_release(uint8_t code);

uint8_t coap_upload_last_code(void);
uint32_t coap_upload_retry_s(void); /* when the slot is free at the latest */

/* Assembles pieces; WM_ENOMEM when the body is longer than COAP_REQUEST_BODY_MAX. */
wm_status coap_upload_append(const struct coap_piece *piece);
const uint8_t *coap_upload_body(size_t *len);

/* ---- Block2: bodies being sent ---------------------------------------------------------- */

struct coap_body_key {
    const struct coap_peer *peer;
    const char *path;
    const char *query;
    uint8_t method;
};

struct coap_body {
    const uint8_t *bytes;
    size_t len;
    uint8_t code;
    int32_t format;
    uint32_t max_age_s;
    uint32_t etag;
};

/* A transfer that pauses for longer may lose its copy to another one; after EXCHANGE_LIFETIME without a
 * request for a block of it the copy is too old for anybody. */
#define COAP_BODY_HOLD_US 5000000u

/* Where the next body is made: COAP_BODY_MAX bytes, never those that are being sent. */
uint8_t *coap_body_buffer(void);

/* Keeps the body just made in coap_body_buffer() for the blocks to come, unless another
 * transfer is under way: then each block of this one is made anew, and its ETag tells. */
void coap_body_keep(const struct coap_body_key *key, const struct coap_body *body);

/* The body a later block is cut from; false when it is not (or no longer) there. */
bool coap_body_find(const struct coap_body_key *key, struct coap_body *out);

/* Drops the copy kept under this key: its successor is short. */
void coap_body_forget(const struct coap_body_key *key);

/* Cuts the block that was asked for. False: it starts behind the end. */
bool coap_body_cut(const struct coap_body *body, const struct coap_block *wanted,
                   struct coap_block *given, const uint8_t **bytes, size_t *len);

#endif
