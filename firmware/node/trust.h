/* Whom this node believes: public keys, each at a place of its own. Without any it is in development
 * mode and takes everything - unless the area of keys is damaged: then it takes nothing. They are in the
 * store: a key that was acknowledged is there after a cut of power. */
#ifndef WASMOTE_TRUST_H
#define WASMOTE_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "crypto/cose.h"

#define TRUST_KEY_BYTES ED25519_KEY_BYTES
#define TRUST_KEY_ID_BYTES 8 /* the first of the key's SHA-256 */

/* True: no key, unsigned modules are taken. */
bool trust_is_development(void);
/* True: no key, because what the board was flashed with cannot be read; TRUST_DAMAGED says it. */
bool trust_is_damaged(void);
#define TRUST_DAMAGED "the area of keys is damaged: flash the board again"

/* 0..STORE_KEYS_MAX-1; NULL: no key at this place. */
const uint8_t *trust_key(int place);
void trust_key_id(const uint8_t key[TRUST_KEY_BYTES], uint8_t id[TRUST_KEY_ID_BYTES]);

/* Puts a key at a place, or with NULL nothing. WM_EINVAL: no such place, or a key that is no key;
 * WM_EIO: the flash did not take it. */
wm_status trust_put(int place, const uint8_t *key);

/* WM_OK when the key that the message names is trusted and signed it, as one of the kind external_aad;
 * else WM_EPERM with a sentence in why. Takes two to four million instructions. */
wm_status trust_check(const struct cose_sign1 *message, const char *external_aad, char *why,
                      size_t why_cap);

/* Opens an order to the node itself, signed as one of the kind external_aad (which tells it from a
 * bundle, that has none) or, in development mode, bare: message becomes what was signed. WM_EINVAL: no
 * signed message; WM_EPERM: not from whom it must be. */
wm_status trust_open(struct cose_bytes *message, bool is_signed, const char *external_aad, char *why,
                     size_t why_cap);

/* The number of the newest order that was obeyed; what was recorded cannot be sent again. */
uint32_t trust_sequence(void);
/* How far the next one may be ahead of it: one message, be it a mistake, must not end all later ones. */
#define TRUST_STEP_MAX 65536u
/* Uses a number up before the order is obeyed. WM_EPERM: it is not greater than the newest, or too far
 * ahead of it; WM_EIO: the flash did not take it. */
wm_status trust_use_sequence(uint64_t sequence, char *why, size_t why_cap);

/* A key comes or goes by a message of its own (SPEC, /node/keys), signed or not. WM_EINVAL: not one;
 * WM_EPERM: not from whom it must be, or an old one; WM_EBUSY: it would take the last key away. */
wm_status trust_change(const uint8_t *message, size_t len, bool is_signed, char *why, size_t why_cap);

#endif
