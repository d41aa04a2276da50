/* COSE_Sign1 (RFC 9052 section 4.2) with EdDSA over Ed25519 (RFC 9053 section 2.2), parsed in place.
 *
 * Headers: alg -8, and perhaps the content type, in the protected one; kid in either; no others. */
#ifndef WASMOTE_COSE_H
#define WASMOTE_COSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cbor.h"
#include "crypto/ed25519.h"

#define COSE_TAG_SIGN1 18
#define COSE_SIGN1_FIRST_BYTE 0xd2 /* the tag's only encoding: tells a signed item from a bare one */

struct cose_bytes {
    const uint8_t *bytes; /* into the message */
    size_t len;
};

#define COSE_KEY_ID_BYTES 8 /* of ours: the first of the SHA-256 of a public key */

struct cose_sign1 {
    struct cose_bytes protected_header;
    struct cose_bytes key_id; /* len 0: it names none */
    struct cose_bytes payload;
    const uint8_t *signature; /* ED25519_SIGNATURE_BYTES of it */
};

/* Takes the message that comes next; in->error when it is none, or not all there yet. */
void cose_get_sign1(struct cbor_in *in, struct cose_sign1 *message);

/* True when key signed the message together with external_aad (RFC 9052 section 4.3), by which one kind
 * of message is not taken for another. */
bool cose_verify_sign1(const struct cose_sign1 *message, const uint8_t key[ED25519_KEY_BYTES],
                       const char *external_aad);

#endif
