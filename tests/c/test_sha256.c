/* SHA-256: the vectors of FIPS 180-2 appendix B, and every way to cut a message in two. */
#include "cmocka_all.h"

#include <string.h>

#include "core/sha256.h"

static void digest_of(const void *bytes, size_t len, uint8_t digest[SHA256_BYTES]) {
    struct sha256 hash;
    sha256_init(&hash);
    sha256_update(&hash, bytes, len);
    sha256_final(&hash, digest);
}

static void published_vectors(void **state) {
    (void)state;
    uint8_t digest[SHA256_BYTES];
    digest_of("abc", 3, digest);
    assert_memory_equal(digest,
                        "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
                        "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad",
                        SHA256_BYTES);
    digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, digest);
    assert_memory_equal(digest,
                        "\x24\x8d\x6a\x61\xd2\x06\x38\xb8\xe5\xc0\x26\x93\x0c\x3e\x60\x39"
                        "\xa3\x3c\xe4\x59\x64\xff\x21\x67\xf6\xec\xed\xd4\x19\xdb\x06\xc1",
                        SHA256_BYTES);
}

static void a_million_bytes(void **state) {
    (void)state;
    struct sha256 hash;
    uint8_t chunk[1000], digest[SHA256_BYTES];
    memset(chunk, 'a', sizeof chunk);
    sha256_init(&hash);
    for (int i = 0; i < 1000; i++)
        sha256_update(&hash, chunk, sizeof chunk);
    sha256_final(&hash, digest);
    assert_memory_equal(digest,
                        "\xcd\xc7\x6e\x5c\x99\x14\xfb\x92\x81\xa1\xc7\xe2\x84\xd7\x3e\x67"
                        "\xf1\x80\x9a\x48\xa4\x97\x20\x0e\x04\x6d\x39\xcc\xc7\x11\x2c\xd0",
                        SHA256_BYTES);
}

static void pieces_give_the_same_digest(void **state) {
    (void)state;
    uint8_t message[200], whole[SHA256_BYTES], pieces[SHA256_BYTES];
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)(i * 7);
    for (size_t len = 0; len <= sizeof message; len++) {
        digest_of(message, len, whole);
        for (size_t cut = 0; cut <= len; cut += 13) {
            struct sha256 hash;
            sha256_init(&hash);
            sha256_update(&hash, message, cut);
            sha256_update(&hash, message + cut, len - cut);
            sha256_final(&hash, pieces);
            assert_memory_equal(pieces, whole, SHA256_BYTES);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(a_million_bytes),
        cmocka_unit_test(pieces_give_the_same_digest),
    };
    return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
