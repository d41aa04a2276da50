/* Whom a node believes: how the first key comes, how keys change, what does not change them, and that a
 * cut of power does not either. */
#include "cmocka_all.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "core/bytes.h"
#include "core/cbor.h"
#include "core/crc32.h"
#include "node/counters.h"
#include "node/trust.h"
#include "signed_message.h"
#include "store/record_log.h"
#include "store/store.h"
#include "tests/powercut/nor.h"

static const struct geometry geometry = {"one bank", {4096, 4096}, 4096, {4096}};

static const uint8_t old_seed[SEED_BYTES] = {1}, new_seed[SEED_BYTES] = {2};
static uint8_t old_key[TRUST_KEY_BYTES], new_key[TRUST_KEY_BYTES];
static char why[128];
static uint32_t number; /* of the newest change */

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
    message_len = sign_message(seed, external_aad, message, message_len, sizeof message);
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
    nor_reset(&geometry, 1);
    assert_int_equal(store_start(), WM_OK);
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
    assert_int_equal(change(NULL, number + 1, STORE_KEYS_MAX, old_key), WM_EINVAL);
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

/* Numbers only grow: the greatest one, sent once, would be the last. */
static void a_number_far_ahead_does_not_end_the_changes(void **state) {
    (void)state;
    assert_int_equal(change(NULL, UINT32_MAX, 0, old_key), WM_EPERM);
    assert_non_null(strstr(why, "too far ahead"));
    assert_int_equal(change(NULL, number + TRUST_STEP_MAX + 1, 0, old_key), WM_EPERM);
    assert_true(trust_is_development());
    assert_int_equal(change(NULL, number + TRUST_STEP_MAX, 0, old_key), WM_OK);
    assert_int_equal(change(old_seed, UINT32_MAX, 1, new_key), WM_EPERM);
    assert_int_equal(change(old_seed, number + TRUST_STEP_MAX + 1, 1, new_key), WM_OK);
    assert_int_equal(trust_use_sequence(UINT32_MAX, why, sizeof why), WM_EPERM); /* of an order */
    assert_int_equal(trust_use_sequence(number + 2 * TRUST_STEP_MAX + 1, why, sizeof why), WM_OK);
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

/* ---- what outlives power --------------------------------------------------------------------- */

static void keys_and_their_number_outlive_power(void **state) {
    (void)state;
    assert_int_equal(change(NULL, number + 5, 0, old_key), WM_OK);
    assert_int_equal(change(old_seed, number + 6, 1, new_key), WM_OK);
    assert_int_equal(store_start(), WM_OK);
    assert_false(trust_is_development());
    assert_memory_equal(trust_key(0), old_key, TRUST_KEY_BYTES);
    assert_memory_equal(trust_key(1), new_key, TRUST_KEY_BYTES);
    assert_int_equal(trust_sequence(), number + 6);
    assert_int_equal(change(old_seed, number + 6, 1, NULL), WM_EPERM);
    assert_non_null(strstr(why, "not newer"));
}

/* The successor takes the place of the key there is; power fails at that operation. True: it did. */
static bool replace_until(uint32_t operation, enum cut how, volatile bool *acknowledged) {
    nor_cut_at(operation, how);
    if (setjmp(nor_power_fails))
        return true;
    *acknowledged = change(old_seed, number + 1, 0, new_key) == WM_OK;
    return false;
}

/* Either key, never none; and what was recorded on the way does not take the node back. */
static void check_after_cut(bool acknowledged) {
    nor_cut_at(UINT32_MAX, CUT_BEFORE);
    assert_int_equal(store_start(), WM_OK);
    assert_false(trust_is_development());
    bool is_new = memcmp(trust_key(0), new_key, TRUST_KEY_BYTES) == 0;
    assert_true(is_new || memcmp(trust_key(0), old_key, TRUST_KEY_BYTES) == 0);
    assert_true(is_new || !acknowledged);
    assert_int_equal(trust_sequence(), is_new ? number + 1 : trust_sequence());
    if (trust_sequence() == number + 1)
        assert_int_not_equal(change(old_seed, number + 1, 0, old_key), WM_OK);
}

static void a_cut_at_any_operation_leaves_one_key(void **state) {
    (void)state;
    assert_int_equal(trust_put(0, old_key), WM_OK);
    struct nor_image *before = nor_save(NULL);
    for (int how = 0; how < CUTS; how++) {
        bool failed = true;
        for (uint32_t operation = 0; failed; operation++) {
            volatile bool acknowledged = false;
            nor_load(before);
            assert_int_equal(store_start(), WM_OK);
            failed = replace_until(operation, (enum cut)how, &acknowledged);
            assert_int_not_equal(acknowledged, failed);
            check_after_cut(acknowledged);
        }
    }
    nor_forget(before);
}

/* As firmware/store/README.md has it. */
static void make_first_key(uint8_t record[RECORD_BYTES], uint8_t place, const uint8_t *key) {
    memset(record, 0, RECORD_BYTES);
    record[0] = 4;
    record[1] = place;
    record[4] = 1;
    memcpy(record + 5, key, TRUST_KEY_BYTES);
    put_le32(record + 60, crc32(record, 60));
}

static void keys_that_the_board_was_flashed_with(void **state) {
    uint8_t area[2 * RECORD_BYTES];
    (void)state;
    make_first_key(area, 0, old_key);
    make_first_key(area + RECORD_BYTES, 2, new_key);
    nor_put_keys(area, sizeof area);
    assert_int_equal(store_start(), WM_OK);
    assert_false(trust_is_development());
    assert_memory_equal(trust_key(0), old_key, TRUST_KEY_BYTES);
    assert_memory_equal(trust_key(2), new_key, TRUST_KEY_BYTES);
    assert_int_equal(change(new_seed, number + 1, 0, NULL), WM_OK);
    assert_int_equal(store_start(), WM_OK);
    assert_null(trust_key(0)); /* the change counts, not what the board was flashed with */
    assert_memory_equal(trust_key(2), new_key, TRUST_KEY_BYTES);
}

static void damaged_keys_are_not_development_mode(void **state) {
    uint8_t area[2 * RECORD_BYTES];
    (void)state;
    make_first_key(area, 0, old_key);
    make_first_key(area + RECORD_BYTES, 1, new_key);
    area[7] ^= 1;
    nor_put_keys(area, RECORD_BYTES);
    assert_int_equal(store_start(), WM_OK);
    assert_true(trust_is_damaged());
    assert_false(trust_is_development());
    assert_int_equal(change(NULL, number + 1, 0, new_key), WM_EPERM);
    assert_string_equal(why, TRUST_DAMAGED);
    assert_int_equal(change(old_seed, number + 1, 0, new_key), WM_EPERM);
    assert_string_equal(why, TRUST_DAMAGED);
    nor_put_keys(area, sizeof area);
    assert_int_equal(store_start(), WM_OK);
    assert_false(trust_is_damaged()); /* a key is left, which goes on counting */
    assert_int_equal(change(new_seed, number + 1, 0, old_key), WM_OK);
}

static void however_many_names_the_keys_can_be_changed(void **state) {
    (void)state;
    char name[8];
    wm_status status = WM_OK;
    assert_int_equal(trust_put(0, old_key), WM_OK);
    for (int i = 0; status == WM_OK; i++) {
        assert_true(i < STORE_COUNTERS_MAX);
        snprintf(name, sizeof name, "n%d", i);
        status = counter_raise(COUNTER_OF_MODULES, name, 1);
    }
    assert_int_equal(status, WM_ENOMEM);
    assert_int_equal(counter_raise(COUNTER_OF_MODULES, "n0", 2), WM_OK);
    assert_int_equal(change(old_seed, number + 1, 1, new_key), WM_OK);
    assert_int_equal(counter_raise(COUNTER_OF_MODULES, "another", 1), WM_ENOMEM);
    assert_int_equal(change(old_seed, number + 2, 1, NULL), WM_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_key_ends_development_mode, setup),
        cmocka_unit_test_setup(keys_are_rotated_by_the_old_one, setup),
        cmocka_unit_test_setup(a_change_happens_once, setup),
        cmocka_unit_test_setup(the_last_key_stays, setup),
        cmocka_unit_test_setup(what_is_no_change, setup),
        cmocka_unit_test_setup(a_number_far_ahead_does_not_end_the_changes, setup),
        cmocka_unit_test_setup(a_signature_of_another_kind, setup),
        cmocka_unit_test_setup(every_flipped_bit_and_every_cut, setup),
        cmocka_unit_test_setup(keys_and_their_number_outlive_power, setup),
        cmocka_unit_test_setup(a_cut_at_any_operation_leaves_one_key, setup),
        cmocka_unit_test_setup(keys_that_the_board_was_flashed_with, setup),
        cmocka_unit_test_setup(damaged_keys_are_not_development_mode, setup),
        cmocka_unit_test_setup(however_many_names_the_keys_can_be_changed, setup),
    };
    return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
