#include "net/coap_options.h"

#include <string.h>

#include "core/bytes.h"
#include "net/fnv.h"

#define CODE(class_, detail) (uint8_t)(((class_) << 5) | (detail))

/* ---- request ---------------------------------------------------------------------------- */

/* What is understood in a request, with its legal lengths (section 5.10, RFC 7641 section 2,
 * RFC 7959 section 2.1). Anything else is ignored when elective and 4.02 when critical. */
static const struct known {
    uint16_t number;
    uint16_t min, max;
    bool repeatable;
} known_options[] = {
    {COAP_OPT_IF_MATCH, 0, 8, true},
    {COAP_OPT_URI_HOST, 1, 255, false},
    {COAP_OPT_ETAG, 1, 8, true},
    {COAP_OPT_IF_NONE_MATCH, 0, 0, false},
    {COAP_OPT_OBSERVE, 0, 3, false},
    {COAP_OPT_URI_PORT, 0, 2, false},
    {COAP_OPT_URI_PATH, 0, 255, true},
    {COAP_OPT_CONTENT_FORMAT, 0, 2, false},
    {COAP_OPT_URI_QUERY, 0, 255, true},
    {COAP_OPT_ACCEPT, 0, 2, false},
    {COAP_OPT_BLOCK2, 0, 3, false},
    {COAP_OPT_BLOCK1, 0, 3, false},
    {COAP_OPT_SIZE2, 0, 4, false},
    {COAP_OPT_PROXY_URI, 1, 1034, false},
    {COAP_OPT_PROXY_SCHEME, 1, 255, false},
    {COAP_OPT_SIZE1, 0, 4, false},
    {COAP_OPT_ECHO, 1, 40, false},
    {COAP_OPT_REQUEST_TAG, 0, 8, true},
};

static bool is_understood(const struct coap_option *option, bool repeated) {
    for (size_t i = 0; i < sizeof known_options / sizeof known_options[0]; i++) {
        const struct known *known = &known_options[i];
        if (known->number == option->number) {
            return option->len >= known->min && option->len <= known->max &&
                   (known->repeatable || !repeated);
        }
    }
    return false;
}

/* The first fault is the one that is reported. */
static void fault(struct coap_options *out, uint8_t code, uint16_t option, const char *why) {
    if (out->fault == 0) {
        out->fault = code;
        out->option = option;
        out->why = why;
    }
}

enum join { JOINED, TOO_LONG, HOLDS_SEPARATOR };

/* Appends a segment. A NUL or a separator inside would let one path pass for another. */
static enum join join(char *text, size_t cap, bool first, char separator,
                      const struct coap_option *option) {
    size_t len = strlen(text);
    size_t extra = first ? 0 : 1;
    if (option->len + extra >= cap - len) {
        return TOO_LONG;
    }
    if (option->len > 0 && (memchr(option->value, 0, option->len) != NULL ||
                            memchr(option->value, separator, option->len) != NULL)) {
        return HOLDS_SEPARATOR;
    }
    if (!first) {
        text[len++] = separator;
    }
    if (option->len > 0) {
        memcpy(text + len, option->value, option->len);
    }
    text[len + option->len] = '\0';
    return JOINED;
}

static void take_path(struct coap_options *out, const struct coap_option *option, bool first) {
    if (join(out->path, sizeof out->path, first, '/', option) != JOINED) {
        fault(out, CODE(4, 4), 0, "no resource has a path that long or with such characters");
    }
}

static void take_query(struct coap_options *out, const struct coap_option *option, bool first) {
    if (join(out->query, sizeof out->query, first, '&', option) != JOINED) {
        fault(out, CODE(4, 0), 0, "the query is too long, or holds '&' or NUL");
    }
}

static void take_block(struct coap_options *out, const struct coap_option *option, bool *has,
                       struct coap_block *block) {
    uint32_t value = coap_option_uint(option);
    *has = true;
    *block = (struct coap_block){.num = value >> 4, .more = (value & 8) != 0, .szx = value & 7};
    if (block->szx == COAP_BLOCK_SZX_RESERVED) {
        block->szx = 0;
        fault(out, CODE(4, 0), 0, "block size exponent 7 is reserved (RFC 7959 section 2.2)");
    }
}

/* Length and value, so that an empty tag is another one than none (RFC 9175 section 3.2). */
static void take_request_tag(struct coap_options *out, const struct coap_option *option) {
    const uint8_t len = (uint8_t)option->len;
    out->request_tag = fnv1a_more(out->request_tag, &len, 1);
    out->request_tag = fnv1a_more(out->request_tag, option->value, option->len);
}

static void take(struct coap_options *out, const struct coap_option *option, bool repeated) {
    switch (option->number) {
    case COAP_OPT_URI_PATH:
        take_path(out, option, !repeated);
        break;
    case COAP_OPT_URI_QUERY:
        take_query(out, option, !repeated);
        break;
    case COAP_OPT_CONTENT_FORMAT:
        out->format = (int32_t)coap_option_uint(option);
        break;
    case COAP_OPT_ACCEPT:
        out->accept = (int32_t)coap_option_uint(option);
        break;
    case COAP_OPT_OBSERVE:
        out->observe = (int32_t)coap_option_uint(option);
        break;
    case COAP_OPT_BLOCK1:
        take_block(out, option, &out->has_block1, &out->block1);
        break;
    case COAP_OPT_BLOCK2:
        take_block(out, option, &out->has_block2, &out->block2);
        break;
    case COAP_OPT_SIZE1:
        out->size1 = coap_option_uint(option);
        break;
    case COAP_OPT_SIZE2:
        out->wants_size2 = true;
        break;
    case COAP_OPT_IF_MATCH:
        out->has_if_match = true;
        break;
    case COAP_OPT_IF_NONE_MATCH:
        out->if_none_match = true;
        break;
    case COAP_OPT_ETAG:
        out->has_etag = true;
        break;
    case COAP_OPT_ECHO:
        out->echo = option->value;
        out->echo_len = (uint8_t)option->len;
        break;
    case COAP_OPT_REQUEST_TAG:
        take_request_tag(out, option);
        break;
    case COAP_OPT_PROXY_URI:
    case COAP_OPT_PROXY_SCHEME:
        fault(out, CODE(5, 5), option->number, "this node is not a proxy");
        break;
    default: /* Uri-Host, Uri-Port: there is one server behind every name (section 5.10.1) */
        break;
    }
}

void coap_options_parse(const struct coap_pdu *request, struct coap_options *out) {
    memset(out, 0, sizeof *out);
    out->format = out->accept = out->observe = -1;
    out->request_tag = FNV1A_START;
    struct coap_option_walk walk;
    struct coap_option option;
    int32_t previous = -1;
    coap_option_walk_init(&walk, request);
    while (coap_option_next(&walk, &option) == WM_OK) {
        bool repeated = option.number == previous;
        previous = option.number;
        if (is_understood(&option, repeated)) {
            take(out, &option, repeated);
        } else if (option.number & 1) { /* critical (section 5.4.6) */
            fault(out, CODE(4, 2), option.number, "a critical option is not understood");
        }
    }
}

/* ---- response --------------------------------------------------------------------------- */

static void put_block(struct coap_builder *out, uint16_t number, const struct coap_block *block) {
    coap_build_uint(out, number, block->num << 4 | (block->more ? 8u : 0u) | block->szx);
}

/* One option for each part of text up to `end`. */
static void put_parts(struct coap_builder *out, uint16_t number, const char *text, const char *end,
                      char separator) {
    while (text < end) {
        const char *stop = memchr(text, separator, (size_t)(end - text));
        size_t len = (size_t)((stop != NULL ? stop : end) - text);
        coap_build_option(out, number, text, len);
        text += len + 1;
    }
}

static const char *end_of_path(const char *location) {
    return location + strcspn(location, "?");
}

static void put_location_path(struct coap_builder *out, const char *location) {
    put_parts(out, COAP_OPT_LOCATION_PATH, location, end_of_path(location), '/');
}

static void put_location_query(struct coap_builder *out, const char *location) {
    const char *query = end_of_path(location);
    if (*query != '\0') {
        put_parts(out, COAP_OPT_LOCATION_QUERY, query + 1, location + strlen(location), '&');
    }
}

void coap_reply_build(const struct coap_reply *reply, struct coap_builder *out) {
    coap_build_set_code(out, reply->code);
    if (reply->has_etag) {
        uint8_t etag[4];
        put_be32(etag, reply->etag);
        coap_build_option(out, COAP_OPT_ETAG, etag, sizeof etag);
    }
    if (reply->observe >= 0) {
        coap_build_uint(out, COAP_OPT_OBSERVE, (uint32_t)reply->observe);
    }
    put_location_path(out, reply->location);
    if (reply->format >= 0) {
        coap_build_uint(out, COAP_OPT_CONTENT_FORMAT, (uint32_t)reply->format);
    }
    if (reply->max_age_s > 0) {
        coap_build_uint(out, COAP_OPT_MAX_AGE, reply->max_age_s);
    }
    put_location_query(out, reply->location);
    if (reply->has_block2) {
        put_block(out, COAP_OPT_BLOCK2, &reply->block2);
    }
    if (reply->has_block1) {
        put_block(out, COAP_OPT_BLOCK1, &reply->block1);
    }
    if (reply->size2 > 0) {
        coap_build_uint(out, COAP_OPT_SIZE2, reply->size2);
    }
    if (reply->size1 > 0) {
        coap_build_uint(out, COAP_OPT_SIZE1, reply->size1);
    }
    if (reply->echo != NULL) {
        coap_build_option(out, COAP_OPT_ECHO, reply->echo, COAP_ECHO_BYTES);
    }
    coap_build_payload(out, reply->payload, reply->len);
}
