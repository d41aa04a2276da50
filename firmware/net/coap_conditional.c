/* Conditional requests (RFC 7252 section 5.10.8) and validation by ETag (section 5.10.6). */
#include <string.h>

#include "core/bytes.h"
#include "net/coap_turn.h"
#include "net/fnv.h"

uint32_t coap_etag_of(const uint8_t *body, size_t len) {
    uint32_t hash = fnv1a(body, len);
    return hash != 0 ? hash : 1;
}

static bool is_etag(const struct coap_option *option, uint32_t etag) {
    return option->len == COAP_ETAG_BYTES && get_be32(option->value) == etag;
}

/* ---- what stands there now -------------------------------------------------------------- */

/* The resource cannot tell: its GET can. */
static void look(struct coap_turn *turn, struct coap_validator *out) {
    const struct coap_request request = coap_turn_request(turn, COAP_GET);
    bool asked = turn->asked;
    turn->asked = false;
    coap_turn_clear(turn);
    turn->route.resource->handle(&request, &turn->response);
    turn->asked = asked;
    const struct coap_response *seen = &turn->response;
    out->exists = COAP_CODE_CLASS(seen->code) != 4;
    out->has_etag = COAP_IS_SUCCESS(seen->code) && seen->len <= seen->cap;
    if (out->has_etag) {
        bool is_given = seen->has_etag && seen->etag != 0;
        out->etag = is_given ? seen->etag : coap_etag_of(seen->body, seen->len);
    }
}

static void find_validator(struct coap_turn *turn, struct coap_validator *out) {
    const struct coap_resource *resource = turn->route.resource;
    *out = (struct coap_validator){.exists = true};
    if (resource->validate != NULL) {
        const struct coap_request request = coap_turn_request(turn, (enum coap_method)turn->pdu->code);
        resource->validate(&request, out);
    } else if (resource->methods & (1 << COAP_GET)) {
        look(turn, out);
    }
}

/* ---- If-Match, If-None-Match ------------------------------------------------------------ */

/* An empty If-Match asks for existence alone; of several values one is enough (section 5.10.8.1). */
static bool any_matches(const struct coap_pdu *pdu, const struct coap_validator *now) {
    struct coap_option_walk walk;
    struct coap_option option;
    coap_option_walk_init(&walk, pdu);
    while (coap_option_next(&walk, &option) == WM_OK) {
        if (option.number == COAP_OPT_IF_MATCH && now->exists &&
            (option.len == 0 || (now->has_etag && is_etag(&option, now->etag)))) {
            return true;
        }
    }
    return false;
}

bool coap_conditions_hold(struct coap_turn *turn) {
    struct coap_validator now;
    if (!turn->options.has_if_match && !turn->options.if_none_match) {
        return true;
    }
    find_validator(turn, &now);
    if (turn->options.if_none_match && now.exists) {
        coap_turn_fail(turn, COAP_412_PRECONDITION_FAILED, "If-None-Match: it exists");
        return false;
    }
    if (turn->options.has_if_match && !any_matches(turn->pdu, &now)) {
        coap_turn_fail(turn, COAP_412_PRECONDITION_FAILED,
                       now.exists ? "If-Match: it has another ETag now" : "If-Match: it does not exist");
        return false;
    }
    return true;
}

/* ---- ETag of a GET ---------------------------------------------------------------------- */

bool coap_etag_is_known(const struct coap_turn *turn, uint32_t etag) {
    struct coap_option_walk walk;
    struct coap_option option;
    if (turn->pdu->code != COAP_GET || !turn->options.has_etag) {
        return false;
    }
    coap_option_walk_init(&walk, turn->pdu);
    while (coap_option_next(&walk, &option) == WM_OK) {
        if (option.number == COAP_OPT_ETAG && is_etag(&option, etag)) {
            return true;
        }
    }
    return false;
}

void coap_turn_valid(struct coap_turn *turn, uint32_t etag, uint32_t max_age_s) {
    turn->reply = (struct coap_reply)COAP_REPLY_INIT;
    turn->reply.code = COAP_203_VALID;
    turn->reply.has_etag = true;
    turn->reply.etag = etag;
    turn->reply.max_age_s = max_age_s;
}

bool coap_turn_validate(struct coap_turn *turn) {
    struct coap_validator now;
    bool registers = turn->options.observe == 0; /* needs to know the format */
    if (!turn->options.has_etag || registers || turn->route.resource->validate == NULL) {
        return false;
    }
    find_validator(turn, &now);
    if (!now.exists || !now.has_etag || !coap_etag_is_known(turn, now.etag)) {
        return false;
    }
    coap_turn_clear(turn);
    turn->response.code = COAP_203_VALID;
    coap_turn_valid(turn, now.etag, 0);
    return true;
}
