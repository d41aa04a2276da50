/* CoAP messages as bytes (RFC 7252 section 3): a parser that looks into the received buffer and
 * never beyond it, and a builder that checks before it writes. Both are pure: no state, no I/O. */
#ifndef WASMOTE_COAP_PDU_H
#define WASMOTE_COAP_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

enum coap_type { COAP_CON = 0, COAP_NON = 1, COAP_ACK = 2, COAP_RST = 3 };

#define COAP_TOKEN_MAX 8
#define COAP_HEADER_BYTES 4
#define COAP_ECHO_BYTES 8 /* of those that the node makes */
#define COAP_CODE_EMPTY 0
#define COAP_CODE_CLASS(code) ((code) >> 5)
#define COAP_IS_SUCCESS(code) (COAP_CODE_CLASS(code) == 2)

/* RFC 7252 section 5.10, RFC 7641, RFC 7959, RFC 9175. */
enum coap_option_number {
    COAP_OPT_IF_MATCH = 1,
    COAP_OPT_URI_HOST = 3,
    COAP_OPT_ETAG = 4,
    COAP_OPT_IF_NONE_MATCH = 5,
    COAP_OPT_OBSERVE = 6,
    COAP_OPT_URI_PORT = 7,
    COAP_OPT_LOCATION_PATH = 8,
    COAP_OPT_URI_PATH = 11,
    COAP_OPT_CONTENT_FORMAT = 12,
    COAP_OPT_MAX_AGE = 14,
    COAP_OPT_URI_QUERY = 15,
    COAP_OPT_ACCEPT = 17,
    COAP_OPT_LOCATION_QUERY = 20,
    COAP_OPT_BLOCK2 = 23,
    COAP_OPT_BLOCK1 = 27,
    COAP_OPT_SIZE2 = 28,
    COAP_OPT_PROXY_URI = 35,
    COAP_OPT_PROXY_SCHEME = 39,
    COAP_OPT_SIZE1 = 60,
    COAP_OPT_ECHO = 252,
    COAP_OPT_REQUEST_TAG = 292
};

/* ---- parser ----------------------------------------------------------------------------- */

/* A parsed message: every pointer is into the caller's buffer. */
struct coap_pdu {
    enum coap_type type;
    uint8_t code;
    uint16_t mid;
    const uint8_t *token;
    uint8_t token_len;
    const uint8_t *options; /* checked: walk them with struct coap_option_walk */
    size_t options_len;
    const uint8_t *payload;
    size_t payload_len;
};

/* WM_OK; WM_EINVAL: not well-formed, but type and mid are valid, so that it can be rejected
 * (section 4.2); WM_ENOTSUP: too short or another version, to be ignored silently (section 3). */
wm_status coap_parse(const uint8_t *message, size_t len, struct coap_pdu *out);

struct coap_option {
    uint16_t number;
    const uint8_t *value;
    size_t len;
};

struct coap_option_walk {
    const uint8_t *at;
    const uint8_t *end;
    uint16_t number;
};

void coap_option_walk_init(struct coap_option_walk *walk, const struct coap_pdu *pdu);

/* WM_OK: *out is the next option; WM_ENOENT: no more; WM_EINVAL: malformed (never after a
 * successful coap_parse). */
wm_status coap_option_next(struct coap_option_walk *walk, struct coap_option *out);

/* The value as an unsigned integer (section 3.2); of a longer one the last four bytes. */
uint32_t coap_option_uint(const struct coap_option *option);

/* ---- builder ---------------------------------------------------------------------------- */

/* Header and token first, then options in ascending order, then the payload. The first thing
 * that does not fit or is out of order sticks, and nothing is written from then on. */
struct coap_builder {
    uint8_t *bytes;
    size_t cap;
    size_t len;
    uint16_t last_option;
    bool payload_written;
    wm_status status; /* WM_OK, WM_ENOMEM or WM_EINVAL */
};

void coap_build(struct coap_builder *builder, uint8_t *bytes, size_t cap, enum coap_type type,
                uint8_t code, uint16_t mid, const uint8_t *token, size_t token_len);
void coap_build_set_code(struct coap_builder *builder, uint8_t code);
void coap_build_option(struct coap_builder *builder, uint16_t number, const void *value, size_t len);
void coap_build_uint(struct coap_builder *builder, uint16_t number, uint32_t value);
void coap_build_payload(struct coap_builder *builder, const void *payload,
                        size_t len); /* len 0: no marker */

/* An empty message (ACK, RST, ping): four bytes. */
void coap_build_empty(uint8_t out[COAP_HEADER_BYTES], enum coap_type type, uint16_t mid);

#endif
