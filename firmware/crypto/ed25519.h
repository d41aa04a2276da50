/* Ed25519 signatures (RFC 8032 section 5.1.7), checked and never made: Monocypher's curve, our SHA-512.
 * Nothing here is secret, so nothing has to take constant time. */
#ifndef WASMOTE_ED25519_H
#define WASMOTE_ED25519_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/sha512.h"

#define ED25519_KEY_BYTES 32
#define ED25519_SIGNATURE_BYTES 64

/* A message may come in pieces; key and signature stay where they are until the end. */
struct ed25519_check {
    struct sha512 hash;
    const uint8_t *key;
    const uint8_t *signature;
};

void ed25519_check_begin(struct ed25519_check *check, const uint8_t key[ED25519_KEY_BYTES],
                         const uint8_t signature[ED25519_SIGNATURE_BYTES]);
void ed25519_check_update(struct ed25519_check *check, const void *bytes, size_t len);

/* True when key signed the message. Stricter than the RFC asks for: S < L, and neither the key nor R
 * may be of small order or encoded in more bits than they need. 1.1 KB of stack. */
bool ed25519_check_end(struct ed25519_check *check);

/* False for what is no point of the curve, and for the few that sign for everybody. */
bool ed25519_key_is_sound(const uint8_t key[ED25519_KEY_BYTES]);

#endif
