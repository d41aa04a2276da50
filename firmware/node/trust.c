#include "node/trust.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "core/cbor.h"
#include "core/sha256.h"
#include "node/counters.h"
#include "store/store.h"

#define TRUST_CHANGE_AAD "wasmote keys"

_Static_assert(TRUST_KEY_BYTES == STORE_KEY_BYTES, "the store keeps these keys");

const uint8_t *trust_key(int place) {
    return store_key(place);
}

wm_status trust_put(int place, const uint8_t *key) {
    return key && !ed25519_key_is_sound(key) ? WM_EINVAL : store_put_key(place, key);
}

static unsigned count(void) {
    unsigned keys_there = 0;
    for (int place = 0; place < STORE_KEYS_MAX; place++)
        keys_there += trust_key(place) != NULL;
    return keys_there;
}

bool trust_is_development(void) {
    return count() == 0 && !store_keys_are_damaged();
}

bool trust_is_damaged(void) {
    return count() == 0 && store_keys_are_damaged();
}

void trust_key_id(const uint8_t key[TRUST_KEY_BYTES], uint8_t id[TRUST_KEY_ID_BYTES]) {
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    sha256_init(&hash);
    sha256_update(&hash, key, TRUST_KEY_BYTES);
    sha256_final(&hash, digest);
    memcpy(id, digest, TRUST_KEY_ID_BYTES);
}

/* ---- signatures ----------------------------------------------------------------------------- */

static const uint8_t *key_of_id(struct cose_bytes id) {
    for (int place = 0; place < STORE_KEYS_MAX; place++) {
        uint8_t own[TRUST_KEY_ID_BYTES];
        const uint8_t *key = trust_key(place);
        if (!key || id.len != sizeof own)
            continue;
        trust_key_id(key, own);
        if (memcmp(own, id.bytes, sizeof own) == 0)
            return key;
    }
    return NULL;
}

/* "0123456789abcdef", cut where it is longer than our ids are; empty without one. */
static void write_id(struct cose_bytes id, char text[2 * TRUST_KEY_ID_BYTES + 1]) {
    text[0] = 0;
    for (size_t i = 0; i < id.len && i < TRUST_KEY_ID_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", id.bytes[i]);
}

wm_status trust_check(const struct cose_sign1 *message, const char *external_aad, char *why,
                      size_t why_cap) {
    char id[2 * TRUST_KEY_ID_BYTES + 1];
    const uint8_t *key = key_of_id(message->key_id);
    write_id(message->key_id, id);
    if (key && cose_verify_sign1(message, key, external_aad))
        return WM_OK;
    if (key)
        snprintf(why, why_cap, "the signature does not fit: changed since it was signed with key %s",
                 id);
    else if (message->key_id.len)
        snprintf(why, why_cap, "signed with key %s, which this node does not trust", id);
    else
        snprintf(why, why_cap, "the signature names no key");
    return WM_EPERM;
}

/* ---- orders to the node itself --------------------------------------------------------------- */

static wm_status refuse(wm_status status, char *why, size_t why_cap, const char *reason) {
    snprintf(why, why_cap, "%s", reason);
    return status;
}

static wm_status open_signed(struct cose_bytes *message, const char *external_aad, char *why,
                             size_t why_cap) {
    struct cose_sign1 envelope;
    struct cbor_in in;
    cbor_in_whole(&in, message->bytes, message->len);
    cose_get_sign1(&in, &envelope);
    if (in.error || !cbor_at_end(&in))
        return refuse(WM_EINVAL, why, why_cap, "not a COSE_Sign1 with EdDSA");
    *message = envelope.payload;
    return trust_check(&envelope, external_aad, why, why_cap);
}

wm_status trust_open(struct cose_bytes *message, bool is_signed, const char *external_aad, char *why,
                     size_t why_cap) {
    if (trust_is_damaged())
        return refuse(WM_EPERM, why, why_cap, TRUST_DAMAGED);
    if (is_signed)
        return open_signed(message, external_aad, why, why_cap);
    if (!trust_is_development())
        return refuse(WM_EPERM, why, why_cap, "not signed, and this node trusts only its keys");
    return WM_OK;
}

uint32_t trust_sequence(void) {
    return counter_get(COUNTER_OF_KEYS, "");
}

/* Numbers only grow, so that one far ahead would use up all that come before it. */
static wm_status check_sequence(uint64_t sequence, char *why, size_t why_cap) {
    uint32_t newest = trust_sequence();
    if (sequence <= newest)
        snprintf(why, why_cap, "number %u is not newer than %u, which was used", (unsigned)sequence,
                 (unsigned)newest);
    else if (sequence - newest > TRUST_STEP_MAX)
        snprintf(why, why_cap, "number %u is too far ahead of %u, which was used: at most %u",
                 (unsigned)sequence, (unsigned)newest, TRUST_STEP_MAX);
    else
        return WM_OK;
    return WM_EPERM;
}

wm_status trust_use_sequence(uint64_t sequence, char *why, size_t why_cap) {
    wm_status status = check_sequence(sequence, why, why_cap);
    if (status == WM_OK && counter_raise(COUNTER_OF_KEYS, "", (uint32_t)sequence))
        status = refuse(WM_EIO, why, why_cap, "its number could not be stored");
    return status;
}

/* ---- changes -------------------------------------------------------------------------------- */

struct change {
    uint64_t sequence;
    uint64_t place;
    const uint8_t *key; /* NULL: the key at the place goes */
};

static const uint8_t *get_key(struct cbor_in *in) {
    size_t len;
    const uint8_t *key = cbor_get_bytes(in, &len);
    if (len != TRUST_KEY_BYTES)
        in->error = true;
    return key;
}

static void get_field(struct cbor_in *in, struct change *change) {
    switch (cbor_get_uint(in)) {
    case 0:
        change->sequence = cbor_get_uint(in);
        break;
    case 1:
        change->place = cbor_get_uint(in);
        break;
    case 2:
        change->key = get_key(in);
        break;
    default:
        in->error = true;
    }
}

static bool decode(struct cose_bytes bytes, struct change *change) {
    struct cbor_in in;
    *change = (struct change){.place = STORE_KEYS_MAX};
    cbor_in_whole(&in, bytes.bytes, bytes.len);
    size_t pairs = cbor_get_map(&in);
    while (pairs-- && !in.error)
        get_field(&in, change);
    return !in.error && cbor_at_end(&in) && change->sequence - 1 < UINT32_MAX &&
           change->place < STORE_KEYS_MAX;
}

static wm_status check_change(const struct change *change, char *why, size_t why_cap) {
    if (change->key && !ed25519_key_is_sound(change->key))
        return refuse(WM_EINVAL, why, why_cap, "not an Ed25519 public key");
    wm_status status = check_sequence(change->sequence, why, why_cap);
    if (status)
        return status;
    if (!change->key && (count() == 0 || (count() == 1 && trust_key((int)change->place))))
        return refuse(WM_EBUSY, why, why_cap,
                      "the last key does not go: put another one at another place first");
    return WM_OK;
}

/* The number first: a cut of power between the two leaves a change that was not made, and cannot be made
 * to happen later by somebody who recorded it. */
static wm_status make_change(const struct change *change) {
    wm_status status = counter_raise(COUNTER_OF_KEYS, "", (uint32_t)change->sequence);
    return status ? status : trust_put((int)change->place, change->key);
}

wm_status trust_change(const uint8_t *message, size_t len, bool is_signed, char *why, size_t why_cap) {
    struct cose_bytes payload = {message, len};
    struct change change;
    wm_status status = trust_open(&payload, is_signed, TRUST_CHANGE_AAD, why, why_cap);
    if (status)
        return status;
    if (!decode(payload, &change))
        return refuse(WM_EINVAL, why, why_cap, "expected {0: number, 1: place, ? 2: key}");
    status = check_change(&change, why, why_cap);
    if (status == WM_OK && make_change(&change))
        status = refuse(WM_EIO, why, why_cap, "the change could not be stored");
    return status;
}
