#include "core/sha256.h"

#include <string.h>

#include "core/bytes.h"

/* FIPS 180-4 section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the
 * first 64 primes. */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotr(uint32_t x, unsigned n) {
    return x >> n | x << (32 - n);
}

/* The message schedule is kept as a window of 16 words: w[t & 15] is W(t). */
static uint32_t schedule(uint32_t w[16], unsigned t) {
    uint32_t w2 = w[(t - 2) & 15], w15 = w[(t - 15) & 15];
    uint32_t s0 = rotr(w15, 7) ^ rotr(w15, 18) ^ w15 >> 3;
    uint32_t s1 = rotr(w2, 17) ^ rotr(w2, 19) ^ w2 >> 10;
    return w[t & 15] += s0 + s1 + w[(t - 7) & 15];
}

static void compress(uint32_t state[8], const uint8_t block[64]) {
    uint32_t w[16], v[8];
    memcpy(v, state, sizeof v);
    for (unsigned t = 0; t < 16; t++)
        w[t] = get_be32(block + 4 * t);
    for (unsigned t = 0; t < 64; t++) {
        uint32_t word = t < 16 ? w[t] : schedule(w, t);
        uint32_t s1 = rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25);
        uint32_t choose = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t t1 = v[7] + s1 + choose + K[t] + word;
        uint32_t s0 = rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        memmove(v + 1, v, 7 * sizeof v[0]);
        v[4] += t1;
        v[0] = t1 + s0 + majority;
    }
    for (unsigned i = 0; i < 8; i++)
        state[i] += v[i];
}

void sha256_init(struct sha256 *hash) {
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(hash->state, initial, sizeof initial);
    hash->length = 0;
}

void sha256_update(struct sha256 *hash, const void *bytes, size_t len) {
    const uint8_t *at = bytes;
    while (len) {
        size_t used = hash->length % 64;
        size_t take = 64 - used < len ? 64 - used : len;
        memcpy(hash->block + used, at, take);
        hash->length += take;
        at += take;
        len -= take;
        if (hash->length % 64 == 0)
            compress(hash->state, hash->block);
    }
}

void sha256_final(struct sha256 *hash, uint8_t digest[SHA256_BYTES]) {
    static const uint8_t padding[64] = {0x80};
    uint8_t bits[8];
    put_be64(bits, hash->length * 8);
    sha256_update(hash, padding, 1 + (119 - hash->length % 64) % 64);
    sha256_update(hash, bits, sizeof bits);
    for (unsigned i = 0; i < 8; i++)
        put_be32(digest + 4 * i, hash->state[i]);
}
