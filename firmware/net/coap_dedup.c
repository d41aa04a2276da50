#include "net/coap_dedup.h"

#include <string.h>

#include "config.h"
#include "net/coap_lifetime.h"

#define METHOD_POST 2

struct entry {
    struct coap_peer peer;
    uint32_t hash;
    uint32_t forget_at_s;
    uint16_t mid;
    uint8_t type;
    uint8_t len; /* of the response; 0 = this entry is free, nothing could be kept */
    uint8_t response[COAP_DEDUP_RESPONSE_MAX];
};

_Static_assert(COAP_DEDUP_RESPONSE_MAX <= UINT8_MAX, "entry.len is one byte");

static struct entry ring[COAP_DEDUP_ENTRIES];
static size_t oldest;

void coap_dedup_reset(void) {
    memset(ring, 0, sizeof ring);
    oldest = 0;
}

static bool is_about(const struct entry *entry, const struct coap_peer *peer, uint16_t mid,
                     uint32_t hash) {
    return entry->len > 0 && entry->mid == mid && entry->hash == hash &&
           coap_now_s() < entry->forget_at_s && coap_peer_equal(&entry->peer, peer);
}

enum coap_dedup_result coap_dedup_find(const struct coap_peer *peer, const struct coap_pdu *request,
                                       uint32_t hash, const uint8_t **response, size_t *len) {
    for (size_t i = 0; i < COAP_DEDUP_ENTRIES; i++) {
        const struct entry *entry = &ring[i];
        if (!is_about(entry, peer, request->mid, hash)) {
            continue;
        }
        if (entry->type == COAP_NON) {
            return COAP_DEDUP_IGNORE;
        }
        *response = entry->response;
        *len = entry->len;
        return COAP_DEDUP_REPLAY;
    }
    return COAP_DEDUP_NEW;
}

/* Where the payload marker of a well-formed response stands: what is in front of it can be sent
 * alone. */
static size_t len_without_payload(const uint8_t *response, size_t len) {
    struct coap_pdu pdu;
    if (coap_parse(response, len, &pdu) != WM_OK) {
        return 0;
    }
    return COAP_HEADER_BYTES + pdu.token_len + pdu.options_len;
}

void coap_dedup_remember(const struct coap_peer *peer, const struct coap_pdu *request, uint32_t hash,
                         const uint8_t *response, size_t len) {
    if (len > COAP_DEDUP_RESPONSE_MAX && request->code == METHOD_POST) {
        len = len_without_payload(response, len);
    }
    if (len > COAP_DEDUP_RESPONSE_MAX || len == 0) {
        return;
    }
    struct entry *entry = &ring[oldest];
    oldest = (oldest + 1) % COAP_DEDUP_ENTRIES;
    *entry = (struct entry){.peer = *peer,
                            .hash = hash,
                            .forget_at_s = coap_forget_at_s(request->type),
                            .mid = request->mid,
                            .type = (uint8_t)request->type,
                            .len = (uint8_t)len};
    memcpy(entry->response, response, len);
}
