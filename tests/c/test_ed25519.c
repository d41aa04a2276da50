/* Ed25519: the vectors of RFC 8032 section 7.1, and what a forger would try. */
#include "cmocka_all.h"

#include <monocypher.h>
#include <stdbool.h>

#include "crypto/ed25519.h"
#include "hex.h"
#include "signer.h"

struct vector {
    const char *seed, *key, *message, *signature;
};

static const struct vector vectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
     "d25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
     "387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
     "4a7c15e9716ed28dc027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
     "454d4423643ce80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
     "3dca179c138ac17ad9bef1177331a704"},
};

static bool verifies(const uint8_t *key, const uint8_t *signature, const void *message, size_t len) {
    struct ed25519_check check;
    ed25519_check_begin(&check, key, signature);
    ed25519_check_update(&check, message, len);
    return ed25519_check_end(&check);
}

static void published_vectors(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t seed[32], key[32], signature[64], message[64], made[64];
        size_t len = from_hex(vectors[i].message, message, sizeof message);
        from_hex(vectors[i].seed, seed, sizeof seed);
        from_hex(vectors[i].key, key, sizeof key);
        from_hex(vectors[i].signature, signature, sizeof signature);
        assert_true(verifies(key, signature, message, len));
        assert_true(ed25519_key_is_sound(key));
        signer_sign(seed, message, len, made); /* the tests' own signer, held to the same vectors */
        assert_memory_equal(made, signature, sizeof made);
    }
}

static void a_flipped_bit_anywhere(void **state) {
    (void)state;
    uint8_t bytes[32 + 64 + 2]; /* key, signature, message */
    from_hex(vectors[2].key, bytes, 32);
    from_hex(vectors[2].signature, bytes + 32, 64);
    from_hex(vectors[2].message, bytes + 96, 2);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(verifies(bytes, bytes + 32, bytes + 96, 2));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(verifies(bytes, bytes + 32, bytes + 96, 2));
    assert_false(verifies(bytes, bytes + 32, bytes + 96, 1));
}

/* The same signature in another form: S + L is as good as S in the equation. */
static void s_beyond_the_order(void **state) {
    (void)state;
    uint8_t key[32], signature[64], order[32];
    unsigned carry = 0;
    from_hex(vectors[1].key, key, sizeof key);
    from_hex(vectors[1].signature, signature, sizeof signature);
    from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", order, sizeof order);
    for (size_t i = 0; i < 32; i++) {
        carry += signature[32 + i] + order[i];
        signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_false(verifies(key, signature, "\x72", 1));
}

/* Keys for which R = S*B "signs" every message; the bare equation takes them. */
static void keys_that_sign_everything(void **state) {
    (void)state;
    static const char *const keys[] = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* 1 + p */
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* p */
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    };
    uint8_t key[32], signature[64] = {0}, h[32] = {3};
    signature[32] = 7;
    crypto_eddsa_scalarbase(signature, signature + 32);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        from_hex(keys[i], key, sizeof key);
        assert_int_equal(crypto_eddsa_check_equation(signature, key, h), 0);
        assert_false(verifies(key, signature, "anything", 8));
        assert_false(ed25519_key_is_sound(key));
    }
}

/* With R of small order too, S is h*a: made by whoever has the key, and by nobody who follows the RFC.
 */
static void an_r_of_small_order(void **state) {
    (void)state;
    uint8_t seed[32] = {1}, key[32], signature[64] = {1}, digest[64], scalar[32], h[32], zero[32] = {0};
    struct sha512 hash;
    signer_public_key(seed, key);
    sha512_init(&hash);
    sha512_update(&hash, seed, sizeof seed);
    sha512_final(&hash, digest);
    crypto_eddsa_trim_scalar(scalar, digest);
    sha512_init(&hash);
    sha512_update(&hash, signature, 32);
    sha512_update(&hash, key, sizeof key);
    sha512_final(&hash, digest);
    crypto_eddsa_reduce(h, digest);
    crypto_eddsa_mul_add(signature + 32, h, scalar, zero);
    assert_int_equal(crypto_eddsa_check_equation(signature, key, h), 0);
    assert_false(verifies(key, signature, "", 0));
}

static void what_is_no_point(void **state) {
    (void)state;
    uint8_t key[32] = {2}; /* y = 2: x^2 is no square */
    uint8_t signature[64] = {0};
    assert_false(ed25519_key_is_sound(key));
    assert_false(verifies(key, signature, "", 0));
    memset(key, 0xff, sizeof key);
    assert_false(ed25519_key_is_sound(key));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),   cmocka_unit_test(a_flipped_bit_anywhere),
        cmocka_unit_test(s_beyond_the_order),  cmocka_unit_test(keys_that_sign_everything),
        cmocka_unit_test(an_r_of_small_order), cmocka_unit_test(what_is_no_point),
    };
    return cmocka_run_group_tests_name("ed25519", tests, NULL, NULL);
}
