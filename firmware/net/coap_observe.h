/* The observer table (RFC 7641): who wants to hear of which path, and the notifications. It does
 * not know resources: a function of the server builds each notification.
 *
 * Nobody is sent more than one notification of a resource in COAP_OBSERVE_INTERVAL_MS, nor any while a
 * confirmable message of the node's is unacknowledged; every COAP_OBSERVE_CON_EVERY-th to a peer is
 * confirmable, and so is one a day of each resource even when nothing changes, so that who is gone
 * leaves the table with all that it observed (sections 4.5 and 4.5.1). */
#ifndef WASMOTE_COAP_OBSERVE_H
#define WASMOTE_COAP_OBSERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "net/coap_msg.h"

/* What a client asked for when it registered. */
struct coap_observation {
    struct coap_peer peer;
    char path[COAP_PATH_MAX + 1];
    uint8_t token[COAP_TOKEN_MAX];
    uint8_t token_len;
    uint8_t szx;    /* block size it wants (RFC 7959 section 3.4) */
    int32_t accept; /* or -1 */
    int32_t format; /* content format of the response that began it, or -1 */
};

/* Completes a notification: code, Observe with this sequence number, content. False: it is an
 * error, sent without Observe, and ends the observation (RFC 7641 section 4.2). gone: the
 * resource was deleted, whatever stands at its path by now. */
typedef bool coap_notification(const struct coap_observation *observation, uint32_t sequence, bool gone,
                               struct coap_builder *out);

void coap_observe_start(coap_notification *build);

/* Registers, or renews the entry with the same peer and token (section 4.1). Returns the sequence
 * number for the response, or WM_ENOMEM when the table is full: the response then goes without
 * Observe, and the others are probed, so that dead ones make room. */
int32_t coap_observe_add(const struct coap_observation *observation);

/* Deregistration with Observe = 1, or a registration that ended in an error. */
void coap_observe_remove(const struct coap_peer *peer, const uint8_t *token, size_t token_len);

/* RST for a notification that was not confirmable (section 3.6). */
void coap_observe_rejected(const struct coap_peer *peer, uint16_t mid);

/* This peer left a confirmable message unanswered: nobody is there, whatever it observed. */
void coap_observe_lost(const struct coap_peer *peer);

void coap_observe_changed(const char *path);
void coap_observe_gone(const char *path);

/* The link has room again. */
void coap_observe_room(void);

size_t coap_observe_count(void);

#endif
