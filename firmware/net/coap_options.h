/* The options of a request taken apart, and those of a response put together in the ascending
 * order that the wire needs (RFC 7252 section 5.4, RFC 7641, RFC 7959). */
#ifndef WASMOTE_COAP_OPTIONS_H
#define WASMOTE_COAP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "net/coap_pdu.h"

/* The value of Block1 and Block2 (RFC 7959 section 2.2). */
struct coap_block {
    uint32_t num; /* 20 bits */
    bool more;
    uint8_t szx; /* 2^(4+szx) bytes; 0..6 */
};

#define COAP_BLOCK_SZX_RESERVED 7

static inline size_t coap_block_bytes(uint8_t szx) {
    return (size_t)16 << szx;
}

static inline uint32_t coap_block_offset(const struct coap_block *block) {
    return block->num << (4 + block->szx); /* 20 + 10 bits */
}

/* ---- request ---------------------------------------------------------------------------- */

struct coap_options {
    char path[COAP_PATH_MAX + 1];   /* segments joined by '/', without a leading one */
    char query[COAP_QUERY_MAX + 1]; /* arguments joined by '&' */
    int32_t format;                 /* Content-Format, or -1 */
    int32_t accept;                 /* Accept, or -1 */
    int32_t observe;                /* 24 bits, or -1 */
    bool has_block1, has_block2;
    struct coap_block block1, block2;
    uint32_t size1;   /* 0 when absent */
    bool wants_size2; /* Size2 in a request asks for one (RFC 7959 section 4) */
    bool has_if_match, if_none_match;
    bool has_etag;       /* their values, any number of them, stay in the message */
    const uint8_t *echo; /* in the message, or NULL */
    uint8_t echo_len;
    uint32_t request_tag; /* of all Request-Tags together; FNV1A_START when there is none */
    uint8_t fault;        /* response code when the request cannot be served, else 0 */
    uint16_t option;      /* the option at fault, or 0 */
    const char *why;      /* one sentence about the fault */
};

/* Never fails: what is wrong is in fault, option and why. fault is 4.02 for a critical option that
 * is not understood, which includes one with an illegal length or repeated illegally
 * (section 5.4.3, 5.4.5). */
void coap_options_parse(const struct coap_pdu *request, struct coap_options *out);

/* ---- response --------------------------------------------------------------------------- */

#define COAP_ETAG_BYTES 4

struct coap_reply {
    uint8_t code;
    int32_t format;       /* or -1 */
    int32_t observe;      /* or -1 */
    uint32_t max_age_s;   /* 0 = absent */
    uint32_t size1;       /* 0 = absent */
    uint32_t size2;       /* 0 = absent */
    const char *location; /* "path?query", or "" */
    const uint8_t *echo;  /* COAP_ECHO_BYTES of it, or NULL */
    uint32_t etag;
    bool has_etag, has_block1, has_block2;
    struct coap_block block1, block2;
    const uint8_t *payload;
    size_t len;
};

#define COAP_REPLY_INIT                                                                                 \
    { .format = -1, .observe = -1, .location = "" }

void coap_reply_build(const struct coap_reply *reply, struct coap_builder *out);

#endif
