/* SHA-512 (FIPS 180-4), streaming. */
#ifndef WASMOTE_SHA512_H
#define WASMOTE_SHA512_H

#include <stddef.h>
#include <stdint.h>

#define SHA512_BYTES 64

struct sha512 {
    uint64_t state[8];
    uint64_t length; /* bytes so far: 2^64 are enough, the standard's 2^125 out of reach */
    uint8_t block[128];
};

void sha512_init(struct sha512 *hash);
void sha512_update(struct sha512 *hash, const void *bytes, size_t len);
void sha512_final(struct sha512 *hash, uint8_t digest[SHA512_BYTES]);

#endif
