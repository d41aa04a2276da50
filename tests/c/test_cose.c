/* COSE_Sign1: a published example, and every way in which a message may be another than was signed. */
#include "cmocka_all.h"

#include <stdbool.h>

#include "crypto/cose.h"
#include "hex.h"
#include "signer.h"

/* eddsa-examples/eddsa-sig-01 of the COSE working group (RFC 9052 appendix C names the collection); the
 * key is that of RFC 8032 section 7.1, test 1. */
static const char example[] = "d28445a201270300a10442313154546869732069732074686520636f6e74656e742e58407"
                              "142fd2ff96d56db85bee905a76b"
                              "a1d0b7321a95c8c4d3607c5781932b7afb8711497dfa751bf40b58b3bcc32300b1487f3db"
                              "34085eef013bf08f4a44d6fef0d";
static const char example_key[] = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
static const uint8_t seed[SEED_BYTES] = {7};

static bool opens(const uint8_t *bytes, size_t len, struct cose_sign1 *message) {
    struct cbor_in in;
    cbor_in_init(&in, bytes, len);
    cose_get_sign1(&in, message);
    return !in.error && cbor_at_end(&in);
}

static bool passes(const uint8_t *bytes, size_t len, const uint8_t *key, const char *aad) {
    struct cose_sign1 message;
    return opens(bytes, len, &message) && cose_verify_sign1(&message, key, aad);
}

static void a_published_example(void **state) {
    (void)state;
    uint8_t bytes[128], key[32];
    struct cose_sign1 message;
    size_t len = from_hex(example, bytes, sizeof bytes);
    from_hex(example_key, key, sizeof key);
    assert_true(opens(bytes, len, &message));
    assert_int_equal(message.payload.len, 20);
    assert_memory_equal(message.payload.bytes, "This is the content.", 20);
    assert_int_equal(message.key_id.len, 2);
    assert_memory_equal(message.key_id.bytes, "11", 2);
    assert_true(cose_verify_sign1(&message, key, ""));
    assert_false(cose_verify_sign1(&message, key, "other"));
}

/* But for the key id, which is a hint and outside what this example signs. */
static void every_flipped_bit_and_every_cut(void **state) {
    (void)state;
    uint8_t bytes[128], key[32];
    size_t len = from_hex(example, bytes, sizeof bytes);
    from_hex(example_key, key, sizeof key);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bool hint = bit / 8 == 11 || bit / 8 == 12;
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(passes(bytes, len, key, ""), hint);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_false(passes(bytes, cut, key, ""));
    assert_true(passes(bytes, len, key, ""));
}

static void a_protected_key_id_leaves_nothing_unsigned(void **state) {
    (void)state;
    const struct envelope envelope = {
        .seed = seed, .key_id = "12345678", .key_id_len = 8, .external_aad = "test"};
    uint8_t payload[300], bytes[512], key[32];
    memset(payload, 0x5a, sizeof payload);
    size_t len = signer_envelope(&envelope, payload, sizeof payload, bytes, sizeof bytes);
    signer_public_key(seed, key);
    assert_true(passes(bytes, len, key, "test"));
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(passes(bytes, len, key, "test"));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    key[0] ^= 1;
    assert_false(passes(bytes, len, key, "test"));
}

#define SIGNATURE_ITEM                                                                                  \
    "5840"                                                                                              \
    "00000000000000000000000000000000"                                                                  \
    "00000000000000000000000000000000"                                                                  \
    "00000000000000000000000000000000"                                                                  \
    "00000000000000000000000000000000"

static void messages_of_another_form(void **state) {
    (void)state;
    static const char *const cases[] = {
        "8443a10127a041aa" SIGNATURE_ITEM,        /* no tag */
        "d18443a10127a041aa" SIGNATURE_ITEM,      /* tag 17, a MAC */
        "d28343a10127a041aa",                     /* three items */
        "d28543a10127a041aa" SIGNATURE_ITEM "00", /* five */
        "d28440a041aa" SIGNATURE_ITEM,            /* no algorithm */
        "d28443a10126a041aa" SIGNATURE_ITEM,      /* ES256 */
        "d28443a10132a041aa" SIGNATURE_ITEM,      /* -19, what RFC 9864 calls it */
        "d28440a1012741aa" SIGNATURE_ITEM,        /* the algorithm is not protected */
        "d28445a201270127a041aa" SIGNATURE_ITEM,  /* twice */
        "d28447a20127028104"
        "04a041aa" SIGNATURE_ITEM, /* crit, and what follows */
        "d28443a10127a10500"
        "41aa" SIGNATURE_ITEM, /* an unprotected header that nobody knows */
        "d28443a10127a10300"
        "41aa" SIGNATURE_ITEM, /* content type, not protected */
        "d28447a20127044131"
        "00a041aa" SIGNATURE_ITEM, /* bytes behind the header's map */
        "d28446a20127044131a1044131"
        "41aa" SIGNATURE_ITEM,             /* two key ids */
        "d28443a10127a0f6" SIGNATURE_ITEM, /* a detached payload */
        "d28443a10127a041aa40",            /* an empty signature */
        "d28443a10127a041aa"
        "583f" /* one byte short */
        "00000000000000000000000000000000"
        "00000000000000000000000000000000"
        "00000000000000000000000000000000"
        "000000000000000000000000000000",
    };
    uint8_t bytes[128];
    struct cose_sign1 message;
    assert_true(
        opens(bytes, from_hex("d28443a10127a041aa" SIGNATURE_ITEM, bytes, sizeof bytes), &message));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_false(opens(bytes, from_hex(cases[i], bytes, sizeof bytes), &message));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_published_example),
        cmocka_unit_test(every_flipped_bit_and_every_cut),
        cmocka_unit_test(a_protected_key_id_leaves_nothing_unsigned),
        cmocka_unit_test(messages_of_another_form),
    };
    return cmocka_run_group_tests_name("cose", tests, NULL, NULL);
}
