#include "signer.h"

#include "cmocka_all.h"

#include <monocypher.h>
#include <string.h>

#include "core/cbor.h"

/* RFC 8032 section 5.1.5: the scalar and the prefix that a seed stands for. */
static void expand(const uint8_t seed[SEED_BYTES], uint8_t scalar[32], uint8_t prefix[32]) {
    struct sha512 hash;
    uint8_t digest[SHA512_BYTES];
    sha512_init(&hash);
    sha512_update(&hash, seed, SEED_BYTES);
    sha512_final(&hash, digest);
    crypto_eddsa_trim_scalar(scalar, digest);
    memcpy(prefix, digest + 32, 32);
}

void signer_public_key(const uint8_t seed[SEED_BYTES], uint8_t key[ED25519_KEY_BYTES]) {
    uint8_t scalar[32], prefix[32];
    expand(seed, scalar, prefix);
    crypto_eddsa_scalarbase(key, scalar);
}

static void hash_to_scalar(const uint8_t *head, size_t head_len, const void *message, size_t len,
                           uint8_t scalar[32]) {
    struct sha512 hash;
    uint8_t digest[SHA512_BYTES];
    sha512_init(&hash);
    sha512_update(&hash, head, head_len);
    sha512_update(&hash, message, len);
    sha512_final(&hash, digest);
    crypto_eddsa_reduce(scalar, digest);
}

/* RFC 8032 section 5.1.6. */
void signer_sign(const uint8_t seed[SEED_BYTES], const void *message, size_t len,
                 uint8_t signature[ED25519_SIGNATURE_BYTES]) {
    uint8_t scalar[32], prefix[32], r[32], h[32], head[64];
    expand(seed, scalar, prefix);
    hash_to_scalar(prefix, sizeof prefix, message, len, r);
    crypto_eddsa_scalarbase(signature, r);
    memcpy(head, signature, 32);
    signer_public_key(seed, head + 32);
    hash_to_scalar(head, sizeof head, message, len, h);
    crypto_eddsa_mul_add(signature + 32, h, scalar, r);
}

static size_t protected_header(const struct envelope *envelope, uint8_t *bytes, size_t cap) {
    struct cbor_out out;
    cbor_out_init(&out, bytes, cap);
    cbor_put_map(&out, 2);
    cbor_put_uint(&out, 1);
    cbor_put_int(&out, -8);
    cbor_put_uint(&out, 4);
    cbor_put_bytes(&out, envelope->key_id, envelope->key_id_len);
    return out.len;
}

size_t signer_envelope(const struct envelope *envelope, const void *payload, size_t len, uint8_t *out,
                       size_t cap) {
    uint8_t header[64], to_be_signed[2048], signature[ED25519_SIGNATURE_BYTES];
    size_t header_len = protected_header(envelope, header, sizeof header);
    struct cbor_out signing, message;
    cbor_out_init(&signing, to_be_signed, sizeof to_be_signed);
    cbor_put_array(&signing, 4);
    cbor_put_text(&signing, "Signature1");
    cbor_put_bytes(&signing, header, header_len);
    cbor_put_bytes(&signing, envelope->external_aad, strlen(envelope->external_aad));
    cbor_put_bytes(&signing, payload, len);
    signer_sign(envelope->seed, to_be_signed, signing.len, signature);
    cbor_out_init(&message, out, cap);
    cbor_put_tag(&message, 18);
    cbor_put_array(&message, 4);
    cbor_put_bytes(&message, header, header_len);
    cbor_put_map(&message, 0);
    cbor_put_bytes(&message, payload, len);
    cbor_put_bytes(&message, signature, sizeof signature);
    assert_false(signing.overflow || message.overflow);
    return message.len;
}
