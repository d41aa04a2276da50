/* SHA-512: the vectors of FIPS 180-2 appendix C, and every way to cut a message in two. */
#include "cmocka_all.h"

#include <string.h>

#include "crypto/sha512.h"

static void digest_of(const void *bytes, size_t len, uint8_t digest[SHA512_BYTES]) {
    struct sha512 hash;
    sha512_init(&hash);
    sha512_update(&hash, bytes, len);
    sha512_final(&hash, digest);
}

static void published_vectors(void **state) {
    (void)state;
    uint8_t digest[SHA512_BYTES];
    digest_of("abc", 3, digest);
    assert_memory_equal(digest,
                        "\xdd\xaf\x35\xa1\x93\x61\x7a\xba\xcc\x41\x73\x49\xae\x20\x41\x31"
                        "\x12\xe6\xfa\x4e\x89\xa9\x7e\xa2\x0a\x9e\xee\xe6\x4b\x55\xd3\x9a"
                        "\x21\x92\x99\x2a\x27\x4f\xc1\xa8\x36\xba\x3c\x23\xa3\xfe\xeb\xbd"
                        "\x45\x4d\x44\x23\x64\x3c\xe8\x0e\x2a\x9a\xc9\x4f\xa5\x4c\xa4\x9f",
                        SHA512_BYTES);
    digest_of("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
              "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
              112, digest);
    assert_memory_equal(digest,
                        "\x8e\x95\x9b\x75\xda\xe3\x13\xda\x8c\xf4\xf7\x28\x14\xfc\x14\x3f"
                        "\x8f\x77\x79\xc6\xeb\x9f\x7f\xa1\x72\x99\xae\xad\xb6\x88\x90\x18"
                        "\x50\x1d\x28\x9e\x49\x00\xf7\xe4\x33\x1b\x99\xde\xc4\xb5\x43\x3a"
                        "\xc7\xd3\x29\xee\xb6\xdd\x26\x54\x5e\x96\xe5\x5b\x87\x4b\xe9\x09",
                        SHA512_BYTES);
}

static void a_million_bytes(void **state) {
    (void)state;
    struct sha512 hash;
    uint8_t chunk[1000], digest[SHA512_BYTES];
    memset(chunk, 'a', sizeof chunk);
    sha512_init(&hash);
    for (int i = 0; i < 1000; i++)
        sha512_update(&hash, chunk, sizeof chunk);
    sha512_final(&hash, digest);
    assert_memory_equal(digest,
                        "\xe7\x18\x48\x3d\x0c\xe7\x69\x64\x4e\x2e\x42\xc7\xbc\x15\xb4\x63"
                        "\x8e\x1f\x98\xb1\x3b\x20\x44\x28\x56\x32\xa8\x03\xaf\xa9\x73\xeb"
                        "\xde\x0f\xf2\x44\x87\x7e\xa6\x0a\x4c\xb0\x43\x2c\xe5\x77\xc3\x1b"
                        "\xeb\x00\x9c\x5c\x2c\x49\xaa\x2e\x4e\xad\xb2\x17\xad\x8c\xc0\x9b",
                        SHA512_BYTES);
}

static void pieces_give_the_same_digest(void **state) {
    (void)state;
    uint8_t message[300], whole[SHA512_BYTES], pieces[SHA512_BYTES];
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)(i * 7);
    for (size_t len = 0; len <= sizeof message; len++) {
        digest_of(message, len, whole);
        for (size_t cut = 0; cut <= len; cut += 13) {
            struct sha512 hash;
            sha512_init(&hash);
            sha512_update(&hash, message, cut);
            sha512_update(&hash, message + cut, len - cut);
            sha512_final(&hash, pieces);
            assert_memory_equal(pieces, whole, SHA512_BYTES);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(a_million_bytes),
        cmocka_unit_test(pieces_give_the_same_digest),
    };
    return cmocka_run_group_tests_name("sha512", tests, NULL, NULL);
}
