#include "net/coap_pdu.h"

#include <string.h>

#include "core/bytes.h"

#define VERSION 1
#define PAYLOAD_MARKER 0xff
#define NIBBLE_BYTE 13     /* one extension byte, offset 13 */
#define NIBBLE_WORD 14     /* two extension bytes, offset 269 */
#define NIBBLE_RESERVED 15 /* only as the payload marker */
#define WORD_OFFSET 269

/* ---- parser ----------------------------------------------------------------------------- */

/* Resolves an option nibble with its extension (section 3.1). 32 bits hold 269 + 65535. */
static bool extended(struct coap_option_walk *walk, uint8_t nibble, uint32_t *out) {
    size_t left = (size_t)(walk->end - walk->at);
    switch (nibble) {
    case NIBBLE_BYTE:
        if (left < 1) {
            return false;
        }
        *out = NIBBLE_BYTE + (uint32_t)walk->at[0];
        walk->at += 1;
        return true;
    case NIBBLE_WORD:
        if (left < 2) {
            return false;
        }
        *out = WORD_OFFSET + (uint32_t)get_be16(walk->at);
        walk->at += 2;
        return true;
    case NIBBLE_RESERVED:
        return false;
    default:
        *out = nibble;
        return true;
    }
}

void coap_option_walk_init(struct coap_option_walk *walk, const struct coap_pdu *pdu) {
    const uint8_t *at =
        pdu->options; /* NULL in a message that was not parsed: nothing may be added to it */
    *walk = (struct coap_option_walk){.at = at, .end = at != NULL ? at + pdu->options_len : NULL};
}

wm_status coap_option_next(struct coap_option_walk *walk, struct coap_option *out) {
    if (walk->at == walk->end || *walk->at == PAYLOAD_MARKER) {
        return WM_ENOENT;
    }
    uint8_t head = *walk->at++;
    uint32_t delta, len;
    if (!extended(walk, head >> 4, &delta) || !extended(walk, head & 0xf, &len)) {
        return WM_EINVAL;
    }
    if (delta > (uint32_t)UINT16_MAX - walk->number || len > (size_t)(walk->end - walk->at)) {
        return WM_EINVAL;
    }
    walk->number = (uint16_t)(walk->number + delta);
    *out = (struct coap_option){.number = walk->number, .value = walk->at, .len = len};
    walk->at += len;
    return WM_OK;
}

uint32_t coap_option_uint(const struct coap_option *option) {
    uint32_t value = 0;
    for (size_t i = 0; i < option->len; i++) {
        value = (value << 8) | option->value[i];
    }
    return value;
}

static wm_status parse_payload(const uint8_t *at, const uint8_t *end, struct coap_pdu *out) {
    if (at == end) {
        return WM_OK;
    }
    if (end - at == 1) {
        return WM_EINVAL; /* a marker with nothing behind it (section 3) */
    }
    out->payload = at + 1;
    out->payload_len = (size_t)(end - at - 1);
    return WM_OK;
}

static wm_status parse_options(const uint8_t *at, const uint8_t *end, struct coap_pdu *out) {
    struct coap_option_walk walk = {.at = at, .end = end};
    struct coap_option option;
    wm_status status;
    do {
        status = coap_option_next(&walk, &option);
    } while (status == WM_OK);
    if (status != WM_ENOENT) {
        return status;
    }
    out->options = at;
    out->options_len = (size_t)(walk.at - at);
    return parse_payload(walk.at, end, out);
}

/* Classes 1, 6 and 7 are reserved; 0.00 is the empty message: a header and nothing else
 * (sections 3 and 4.1). */
static bool code_is_valid(uint8_t code, size_t len) {
    switch (COAP_CODE_CLASS(code)) {
    case 0:
        return code != COAP_CODE_EMPTY || len == COAP_HEADER_BYTES;
    case 2:
    case 4:
    case 5:
        return true;
    default:
        return false;
    }
}

wm_status coap_parse(const uint8_t *message, size_t len, struct coap_pdu *out) {
    memset(out, 0, sizeof *out);
    if (len < COAP_HEADER_BYTES || message[0] >> 6 != VERSION) {
        return WM_ENOTSUP;
    }
    out->type = (enum coap_type)((message[0] >> 4) & 3);
    out->code = message[1];
    out->mid = get_be16(message + 2);
    size_t token_len = message[0] & 0xf;
    if (!code_is_valid(out->code, len) || token_len > COAP_TOKEN_MAX ||
        token_len > len - COAP_HEADER_BYTES) {
        return WM_EINVAL;
    }
    out->token = message + COAP_HEADER_BYTES;
    out->token_len = (uint8_t)token_len;
    return parse_options(out->token + token_len, message + len, out);
}

/* ---- builder ---------------------------------------------------------------------------- */

/* Room for len more bytes, or NULL with the error kept. Nothing is written before this. */
static uint8_t *claim(struct coap_builder *builder, size_t len) {
    if (builder->status != WM_OK) {
        return NULL;
    }
    if (len > builder->cap - builder->len) {
        builder->status = WM_ENOMEM;
        return NULL;
    }
    uint8_t *at = builder->bytes + builder->len;
    builder->len += len;
    return at;
}

void coap_build(struct coap_builder *builder, uint8_t *bytes, size_t cap, enum coap_type type,
                uint8_t code, uint16_t mid, const uint8_t *token, size_t token_len) {
    *builder = (struct coap_builder){.bytes = bytes, .cap = cap};
    if (token_len > COAP_TOKEN_MAX) {
        builder->status = WM_EINVAL;
        return;
    }
    uint8_t *at = claim(builder, COAP_HEADER_BYTES + token_len);
    if (at == NULL) {
        return;
    }
    at[0] = (uint8_t)((VERSION << 6) | ((unsigned)type << 4) | token_len);
    at[1] = code;
    put_be16(at + 2, mid);
    if (token_len > 0) {
        memcpy(at + COAP_HEADER_BYTES, token, token_len);
    }
}

void coap_build_set_code(struct coap_builder *builder, uint8_t code) {
    if (builder->len >= COAP_HEADER_BYTES) {
        builder->bytes[1] = code;
    }
}

static size_t extension_len(uint32_t value) {
    return value < NIBBLE_BYTE ? 0 : value < WORD_OFFSET ? 1 : 2;
}

/* Writes the extension of a delta or length; returns its nibble. */
static uint8_t put_extended(uint8_t **at, uint32_t value) {
    switch (extension_len(value)) {
    case 0:
        return (uint8_t)value;
    case 1:
        *(*at)++ = (uint8_t)(value - NIBBLE_BYTE);
        return NIBBLE_BYTE;
    default:
        put_be16(*at, (uint16_t)(value - WORD_OFFSET));
        *at += 2;
        return NIBBLE_WORD;
    }
}

void coap_build_option(struct coap_builder *builder, uint16_t number, const void *value, size_t len) {
    if (builder->status != WM_OK) {
        return;
    }
    if (number < builder->last_option || builder->payload_written || len > UINT16_MAX) {
        builder->status = WM_EINVAL;
        return;
    }
    uint32_t delta = (uint32_t)(number - builder->last_option);
    uint8_t *head = claim(builder, 1 + extension_len(delta) + extension_len((uint32_t)len) + len);
    if (head == NULL) {
        return;
    }
    uint8_t *at = head + 1;
    uint8_t delta_nibble = put_extended(&at, delta);
    uint8_t len_nibble = put_extended(&at, (uint32_t)len);
    *head = (uint8_t)((delta_nibble << 4) | len_nibble);
    if (len > 0) {
        memcpy(at, value, len);
    }
    builder->last_option = number;
}

void coap_build_uint(struct coap_builder *builder, uint16_t number, uint32_t value) {
    uint8_t bytes[4];
    put_be32(bytes, value);
    size_t skip = 0;
    while (skip < sizeof bytes && bytes[skip] == 0) {
        skip++; /* the shortest form; zero is empty (section 3.2) */
    }
    coap_build_option(builder, number, bytes + skip, sizeof bytes - skip);
}

void coap_build_payload(struct coap_builder *builder, const void *payload, size_t len) {
    if (builder->status != WM_OK || len == 0) {
        return;
    }
    if (builder->payload_written) {
        builder->status = WM_EINVAL;
        return;
    }
    if (len > builder->cap) { /* before adding to it: len + 1 must not wrap */
        builder->status = WM_ENOMEM;
        return;
    }
    uint8_t *at = claim(builder, 1 + len);
    if (at != NULL) {
        at[0] = PAYLOAD_MARKER;
        memcpy(at + 1, payload, len);
        builder->payload_written = true;
    }
}

void coap_build_empty(uint8_t out[COAP_HEADER_BYTES], enum coap_type type, uint16_t mid) {
    out[0] = (uint8_t)((VERSION << 6) | ((unsigned)type << 4));
    out[1] = COAP_CODE_EMPTY;
    put_be16(out + 2, mid);
}
