/* Whom a node believes: how the first key comes, how keys change, and what does not change them. */
#include "cmocka_all.h"

#include <stdbool.h>
#include <string.h>

#include "config.h"
#include "core/cbor.h"
#include "node/trust.h"
#include "signer.h"

static const uint8_t old_seed[SEED_BYTES] = {1}, new_seed[SEED_BYTES] = {2};
static uint8_t old_key[TRUST_KEY_BYTES], new_key[TRUST_KEY_BYTES];
static char why[128];
static uint32_t number; /* of the newest change: it grows from test to test, as on a node */

static uint8_t message[512];
static size_t message_len;

static void make_change(uint32_t sequence, unsigned place, const uint8_t *key) {
    struct cbor_out out;
    cbor_out_init(&out, message, sizeof message);
    cbor_put_map(&out, key ? 3 : 2);
    cbor_put_uint(&out, 0);
    cbor_put_uint(&out, sequence);
    cbor_put_uint(&out, 1);
    cbor_put_uint(&out, place);
    if (key) {
        cbor_put_uint(&out, 2);
        cbor_put_bytes(&out, key, TRUST_KEY_BYTES);
    }
    message_len = out.len;
}

static void sign(const uint8_t *seed, const char *external_aad) {
    uint8_t key[TRUST_KEY_BYTES], id[TRUST_KEY_ID_BYTES], change[128];
    struct envelope envelope = {seed, id, sizeof id, external_aad};
    signer_public_key(seed, key);
    trust_key_id(key, id);
    assert_true(message_len <= sizeof change);
    memcpy(change, message, message_len);
    message_len = signer_envelope(&envelope, change, message_len, message, sizeof message);
}

static wm_status send(bool is_signed) {
    return trust_change(message, message_len, is_signed, why, sizeof why);
}

static wm_status change(const uint8_t *seed, uint32_t sequence, unsigned place, const uint8_t *key) {
    make_change(sequence, place, key);
    if (seed)
        sign(seed, "wasmote keys");
    return send(seed);
}

static int setup(void **state) {
    (void)state;
    for (int place = 0; place < TRUST_KEYS_MAX; place++)
        assert_int_equal(trust_put(place, NULL), WM_OK);
    signer_public_key(old_seed, old_key);
    signer_public_key(new_seed, new_key);
    number = trust_sequence();
    return 0;
}

static void the_first_key_ends_development_mode(void **state) {
    (void)state;
    assert_true(trust_is_development());
    assert_int_equal(change(NULL, number + 1, 0, old_key), WM_OK);
    assert_false(trust_is_development());
    assert_memory_equal(trust_key(0), old_key, TRUST_KEY_BYTES);
    assert_int_equal(trust_sequence(), number + 1);
    assert_int_equal(change(NULL, number + 2, 1, new_key), WM_EPERM);
    assert_non_null(strstr(why, "not signed"));
    assert_null(trust_key(1));
}

static void keys_are_rotated_by_the_old_one(void **state) {
    (void)state;
    assert_int_equal(trust_put(0, old_key), WM_OK);
    assert_int_equal(change(old_seed, number + 1, 1, new_key), WM_OK);
    assert_int_equal(change(new_seed, number + 2, 0, NULL), WM_OK);
    assert_null(trust_key(0));
    assert_int_equal(change(old_seed, number + 3, 0, old_key), WM_EPERM);
    assert_non_null(strstr(why, "does not trust"));
    assert_memory_equal(trust_key(1), new_key, TRUST_KEY_BYTES);
}

static void a_change_happens_once(void **state) {
    (void)state;
    assert_int_equal(trust_put(0, old_key), WM_OK);
    assert_int_equal(change(old_seed, number + 5, 1, new_key), WM_OK);
    assert_int_equal(change(old_seed, number + 6, 1, NULL), WM_OK);
    assert_int_equal(change(old_seed, number + 5, 1, new_key), WM_EPERM);
    assert_non_null(strstr(why, "not newer"));
    assert_int_equal(change(old_seed, number + 6, 1, new_key), WM_EPERM);
    assert_null(trust_key(1));
}

static void the_last_key_stays(void **state) {
    (void)state;
    assert_int_equal(change(NULL, number + 1, 0, NULL), WM_EBUSY);
    assert_int_equal(trust_put(2, old_key), WM_OK);
    assert_int_equal(change(old_seed, number + 1, 2, NULL), WM_EBUSY);
    assert_non_null(strstr(why, "last key"));
    assert_int_equal(change(old_seed, number + 1, 1, NULL), WM_OK);    /* nothing there: nothing goes */
    assert_int_equal(change(old_seed, number + 2, 2, new_key), WM_OK); /* replaced at its place */
}

static void what_is_no_change(void **state) {
    (void)state;
    static const uint8_t identity[TRUST_KEY_BYTES] = {1};
    assert_int_equal(change(NULL, number + 1, TRUST_KEYS_MAX, old_key), WM_EINVAL);
    assert_int_equal(change(NULL, 0, 0, old_key), WM_EINVAL);
    assert_int_equal(change(NULL, number + 1, 0, identity), WM_EINVAL);
    assert_non_null(strstr(why, "not an Ed25519"));
    make_change(number + 1, 0, old_key);
    message_len--;
    assert_int_equal(send(false), WM_EINVAL);
    assert_int_equal(trust_change(NULL, 0, false, why, sizeof why), WM_EINVAL);
    assert_int_equal(trust_change(NULL, 0, true, why, sizeof why), WM_EINVAL);
    assert_true(trust_is_development());
}

static void a_signature_of_another_kind(void **state) {
    (void)state;
    assert_int_equal(trust_put(0, old_key), WM_OK);
    make_change(number + 1, 1, new_key);
    sign(old_seed, ""); /* as a bundle's is */
    assert_int_equal(send(true), WM_EPERM);
    assert_non_null(strstr(why, "does not fit"));
}

static void every_flipped_bit_and_every_cut(void **state) {
    (void)state;
    assert_int_equal(trust_put(0, old_key), WM_OK);
    make_change(number + 1, 1, new_key);
    sign(old_seed, "wasmote keys");
    for (size_t bit = 0; bit < 8 * message_len; bit++) {
        message[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(send(true), WM_OK);
        message[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    size_t whole = message_len;
    for (message_len = 0; message_len < whole; message_len++)
        assert_int_not_equal(send(true), WM_OK);
    assert_null(trust_key(1));
    assert_int_equal(send(true), WM_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_key_ends_development_mode, setup),
        cmocka_unit_test_setup(keys_are_rotated_by_the_old_one, setup),
        cmocka_unit_test_setup(a_change_happens_once, setup),
        cmocka_unit_test_setup(the_last_key_stays, setup),
        cmocka_unit_test_setup(what_is_no_change, setup),
        cmocka_unit_test_setup(a_signature_of_another_kind, setup),
        cmocka_unit_test_setup(every_flipped_bit_and_every_cut, setup),
    };
    return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
