#include "crypto/ed25519.h"

#include <string.h>

#include <monocypher.h>

/* The y of every point whose order divides 8, little endian; both signs of x are one or also one. With
 * such a key, or such an R, an equation holds for messages that nobody signed. */
static const uint8_t small_order[][ED25519_KEY_BYTES] = {
    {0},
    {1},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
     0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
     0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
};

/* y < 2^255 - 19, the sign of x aside (RFC 8032 section 5.1.3, step 1). */
static bool is_canonical(const uint8_t y[ED25519_KEY_BYTES]) {
    if ((y[31] & 0x7f) != 0x7f || y[0] < 0xed)
        return true;
    for (unsigned i = 1; i < 31; i++)
        if (y[i] != 0xff)
            return true;
    return false;
}

static bool is_sound(const uint8_t point[ED25519_KEY_BYTES]) {
    uint8_t y[ED25519_KEY_BYTES];
    memcpy(y, point, sizeof y);
    y[31] &= 0x7f;
    for (unsigned i = 0; i < sizeof small_order / sizeof small_order[0]; i++)
        if (memcmp(y, small_order[i], sizeof y) == 0)
            return false;
    return is_canonical(y);
}

void ed25519_check_begin(struct ed25519_check *check, const uint8_t key[ED25519_KEY_BYTES],
                         const uint8_t signature[ED25519_SIGNATURE_BYTES]) {
    check->key = key;
    check->signature = signature;
    sha512_init(&check->hash);
    sha512_update(&check->hash, signature, 32); /* R */
    sha512_update(&check->hash, key, ED25519_KEY_BYTES);
}

void ed25519_check_update(struct ed25519_check *check, const void *bytes, size_t len) {
    sha512_update(&check->hash, bytes, len);
}

bool ed25519_check_end(struct ed25519_check *check) {
    uint8_t digest[SHA512_BYTES], h[32];
    sha512_final(&check->hash, digest);
    if (!is_sound(check->key) || !is_sound(check->signature))
        return false;
    crypto_eddsa_reduce(h, digest);
    return crypto_eddsa_check_equation(check->signature, check->key, h) == 0;
}

/* Monocypher has no "is this a point", but its equation, S*B = R + h*A, refuses what is none. With R =
 * A, S = 0 and h = L - 1 it reads 0 = L*A, and holds for all others. */
bool ed25519_key_is_sound(const uint8_t key[ED25519_KEY_BYTES]) {
    static const uint8_t minus_one[32] = {
        /* L - 1, little endian */
        0xec, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
        0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    uint8_t signature[ED25519_SIGNATURE_BYTES] = {0};
    memcpy(signature, key, ED25519_KEY_BYTES);
    return is_sound(key) && crypto_eddsa_check_equation(signature, key, minus_one) == 0;
}
