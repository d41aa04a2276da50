/* Signs for tests what the firmware only verifies: Ed25519 (RFC 8032) and COSE_Sign1 (RFC 9052). */
#ifndef SIGNER_H
#define SIGNER_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/ed25519.h"

#define SEED_BYTES 32

void signer_public_key(const uint8_t seed[SEED_BYTES], uint8_t key[ED25519_KEY_BYTES]);
void signer_sign(const uint8_t seed[SEED_BYTES], const void *message, size_t len,
                 uint8_t signature[ED25519_SIGNATURE_BYTES]);

/* Encodes a COSE_Sign1 with {alg: EdDSA, kid} protected; returns its length. Fails the test when it does
 * not fit. */
struct envelope {
    const uint8_t *seed;
    const void *key_id;
    size_t key_id_len;
    const char *external_aad;
};
size_t signer_envelope(const struct envelope *envelope, const void *payload, size_t len, uint8_t *out,
                       size_t cap);

#endif
