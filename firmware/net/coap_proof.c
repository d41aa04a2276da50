#include "net/coap_proof.h"

#include <string.h>

#include "config.h"
#include "core/bytes.h"
#include "core/sha256.h"
#include "net/coap_lifetime.h"

#define FACTOR 3
#define CREDIT_MAX 65535u
#define LIFETIME_S COAP_EXCHANGE_LIFETIME_S
#define ECHO_EPOCH_S 128

struct entry {
    struct coap_peer peer;   /* without a link: free */
    uint32_t proven_until_s; /* 0: not proven */
    uint32_t credit;         /* bytes that may go there while it is not proven */
    uint32_t heard;          /* when, in messages */
};

/* A board without a network has none of this: nothing below refers to it then. */
static struct entry table[BOARD_NET ? COAP_PROOFS_MAX : 1];
static uint32_t messages;
static uint8_t secret[16];

static bool is_exempt(const struct coap_peer *peer) {
    return !BOARD_NET || peer->link->is_point_to_point;
}

static bool is_proven(const struct entry *entry) {
    return coap_now_s() < entry->proven_until_s;
}

static struct entry *find(const struct coap_peer *peer) {
    for (size_t i = 0; i < COAP_PROOFS_MAX; i++) {
        if (table[i].peer.link != NULL && coap_peer_equal(&table[i].peer, peer)) {
            return &table[i];
        }
    }
    return NULL;
}

/* Who goes first: the unproven before the proven, then who was not heard for the longest time. So a
 * flood of made up addresses takes one place from the proven, not all. */
static bool goes_before(const struct entry *a, const struct entry *b) {
    if (is_proven(a) != is_proven(b)) {
        return !is_proven(a);
    }
    return messages - a->heard > messages - b->heard;
}

static struct entry *find_or_take(const struct coap_peer *peer) {
    struct entry *entry = find(peer);
    if (entry != NULL) {
        return entry;
    }
    entry = &table[0];
    for (size_t i = 1; i < COAP_PROOFS_MAX; i++) {
        entry = goes_before(&table[i], entry) ? &table[i] : entry;
    }
    *entry = (struct entry){.peer = *peer, .heard = messages};
    return entry;
}

static void add_credit(struct entry *entry, size_t bytes) {
    entry->credit = bytes < CREDIT_MAX - entry->credit ? entry->credit + (uint32_t)bytes : CREDIT_MAX;
}

void coap_proof_heard(const struct coap_peer *peer, size_t len) {
    if (is_exempt(peer)) {
        return;
    }
    struct entry *entry = find_or_take(peer);
    entry->heard = ++messages;
    if (is_proven(entry)) {
        entry->credit = 0; /* for when the proof ends before the answer is sent: that of this message */
    }
    add_credit(entry, FACTOR * len);
}

bool coap_proof_spend(const struct coap_peer *peer, size_t len) {
    if (is_exempt(peer)) {
        return true;
    }
    struct entry *entry = find(peer);
    if (entry == NULL || is_proven(entry)) {
        return entry != NULL;
    }
    bool is_enough = len <= entry->credit;
    entry->credit -= is_enough ? (uint32_t)len : 0;
    return is_enough;
}

size_t coap_proof_room(const struct coap_peer *peer) {
    if (coap_proof_is_given(peer)) {
        return COAP_PDU_MAX;
    }
    const struct entry *entry = find(peer);
    size_t credit = entry != NULL ? entry->credit : 0;
    return credit < COAP_PDU_MAX ? credit : COAP_PDU_MAX;
}

size_t coap_proof_answer_room(const struct coap_peer *peer, size_t len) {
    return coap_proof_is_given(peer) || FACTOR * len > COAP_PDU_MAX ? COAP_PDU_MAX : FACTOR * len;
}

void coap_proof_allow(const struct coap_peer *peer, size_t len) {
    if (!coap_proof_is_given(peer)) {
        add_credit(find_or_take(peer), len);
    }
}

bool coap_proof_is_given(const struct coap_peer *peer) {
    if (is_exempt(peer)) {
        return true;
    }
    const struct entry *entry = find(peer);
    return entry != NULL && is_proven(entry);
}

bool coap_proof_is_old(const struct coap_peer *peer) {
    if (is_exempt(peer)) {
        return false;
    }
    const struct entry *entry = find(peer);
    return entry != NULL && is_proven(entry) && coap_now_s() + LIFETIME_S / 2 >= entry->proven_until_s;
}

void coap_proof_give(const struct coap_peer *peer) {
    if (!is_exempt(peer)) {
        find_or_take(peer)->proven_until_s = coap_now_s() + LIFETIME_S;
    }
}

/* ---- Echo (RFC 9175 section 2) ---------------------------------------------------------- */

/* The beginning of a keyed hash, so that nothing need be kept of who was given one (appendix A). */
static void hash_echo(const struct coap_peer *peer, uint32_t epoch, uint8_t echo[COAP_ECHO_BYTES]) {
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES], when[4];
    put_be32(when, epoch);
    sha256_init(&hash);
    sha256_update(&hash, secret, sizeof secret);
    sha256_update(&hash, when, sizeof when);
    sha256_update(&hash, peer->addr, sizeof peer->addr);
    sha256_final(&hash, digest);
    memcpy(echo, digest, COAP_ECHO_BYTES);
}

void coap_proof_make_echo(const struct coap_peer *peer, uint8_t echo[COAP_ECHO_BYTES]) {
    if (BOARD_NET) {
        hash_echo(peer, coap_now_s() / ECHO_EPOCH_S, echo);
    }
}

bool coap_proof_is_echo(const struct coap_peer *peer, const uint8_t *echo, size_t len) {
    if (is_exempt(peer) || len != COAP_ECHO_BYTES) {
        return false;
    }
    uint8_t right[COAP_ECHO_BYTES];
    uint32_t epoch = coap_now_s() / ECHO_EPOCH_S;
    hash_echo(peer, epoch, right);
    if (memcmp(echo, right, sizeof right) == 0) {
        return true;
    }
    hash_echo(peer, epoch - 1, right);
    return memcmp(echo, right, sizeof right) == 0;
}

void coap_proof_start(void) {
    if (BOARD_NET) {
        memset(table, 0, sizeof table);
        messages = 0;
        hal_random(secret, sizeof secret);
    }
}
