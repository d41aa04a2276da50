/* What an upload costs before its manifest has been judged: no erase, no candidate. And how many erases
 * a manifest is worth that anybody can send again. With the real engine. */
#include "life_fixture.h"

#include "node/intake.h"
#include "node/manifest.h"
#include "node/trust.h"

static const uint8_t seed[SEED_BYTES] = {1}, other_seed[SEED_BYTES] = {2};
static uint8_t key[TRUST_KEY_BYTES], key_id[TRUST_KEY_ID_BYTES];
static const struct envelope ours = {seed, key_id, sizeof key_id, ""};
static const struct envelope pretended = {other_seed, key_id, sizeof key_id, ""};

static int setup_without_key(void **state) {
    signer_public_key(seed, key);
    trust_key_id(key, key_id);
    return setup(state);
}

static int setup_with_key(void **state) {
    setup_without_key(state);
    return trust_put(0, key);
}

static struct release signed_release(const char *version, uint32_t sequence) {
    struct release release = v1;
    release.version = version;
    release.sequence = sequence;
    release.envelope = &ours;
    release.padding = 2000;
    return release;
}

/* Another candidate is there, and flash is as it was. */
static uint32_t erases_before;

static void with_a_candidate(void) {
    struct release release = signed_release("1", 1);
    ASSERT_OK(install(0, &release));
    fake_advance_us(3000000); /* whatever is erased ahead is */
    erases_before = pool_erases() + store_erases();
}

static void assert_untouched(void) {
    assert_int_equal(pool_erases() + store_erases(), erases_before);
    assert_non_null(slot_at(0)->candidate);
    assert_string_equal(slot_at(0)->candidate->manifest.version, "1");
    assert_false(slot_upload_waits(0));
}

static void junk_costs_nothing(void **state) {
    (void)state;
    with_a_candidate();
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned last = 0; last < 256; last += 5) {
            const uint8_t junk[8] = {(uint8_t)first, 'u', 'n', 'k', 0, 0, 0, (uint8_t)last};
            (void)slot_upload(0, 0, junk, sizeof junk, true, why, sizeof why);
            assert_untouched();
            assert_int_not_equal(slot_upload(0, 0, junk, sizeof junk, false, why, sizeof why), WM_OK);
            assert_untouched();
        }
    }
    fake_advance_us(5000000);
    assert_untouched();
}

static void what_is_no_head_is_refused_at_once(void **state) {
    (void)state;
    static const uint8_t text[16] = {0x6a}, no_cose[16] = {0xd2, 0x01};
    assert_true(slot_upload(0, 0, text, sizeof text, true, why, sizeof why) < 0);
    assert_true(slot_upload(0, 0, no_cose, sizeof no_cose, true, why, sizeof why) < 0);
}

static void a_forged_signature_costs_nothing(void **state) {
    struct release forged = signed_release("2", 2);
    (void)state;
    with_a_candidate();
    forged.envelope = &pretended;
    assert_int_equal(install(0, &forged), WM_EPERM);
    assert_untouched();
}

static void a_manifest_of_another_size_costs_nothing(void **state) {
    struct release release = signed_release("2", 2);
    struct bundle_head head;
    (void)state;
    with_a_candidate();
    size_t len = make_bundle(&release, bundle, sizeof bundle);
    assert_true(bundle_get_head(bundle, len, &head));
    bundle[head.module_at - 1] ^= 1; /* the length of the module */
    assert_true(send_blocks(0, 0, len, len) < 0);
    assert_untouched();
    release.padding = MODULE_BANK_BYTES;
    assert_int_equal(install(0, &release), WM_ETOOLARGE);
    assert_untouched();
}

static void a_head_in_blocks_of_any_size_is_kept_in_ram(void **state) {
    struct release v2 = signed_release("2", 2);
    (void)state;
    for (size_t block = 16; block <= MODULE_HEAD_MAX; block *= 2) {
        struct bundle_head head;
        with_a_candidate();
        size_t len = make_bundle(&v2, bundle, sizeof bundle), at = 0;
        assert_true(bundle_get_head(bundle, len, &head));
        for (; at + block < head.module_at; at += block) {
            assert_int_equal(offer_block(0, at, block, len), WM_OK);
            assert_false(slot_upload_is_judged(0));
            assert_untouched();
        }
        for (; at < len; at += block)
            ASSERT_OK(send_block(0, at, block, len));
        assert_string_equal(slot_at(0)->candidate->manifest.version, "2");
        fake_advance_us(2 * MODULE_ERASE_EVERY_S * UINT64_C(1000000));
        ASSERT_OK(slot_remove(0, why, sizeof why));
    }
}

static void a_head_that_is_too_long_is_refused(void **state) {
    static const uint8_t bare[64] = {0x59, 0x07, 0xd0};
    static const uint8_t is_signed[64] = {0xd2, 0x84, 0x43, 0xa1, 0x01, 0x27, 0xa0, 0x59, 0x07, 0xd0};
    static const uint8_t next[64];
    const uint8_t *first = trust_is_development() ? bare : is_signed;
    (void)state;
    with_a_candidate();
    wm_status status = slot_upload(0, 0, first, 64, true, why, sizeof why);
    for (uint32_t at = 64; status == WM_OK && at < MODULE_HEAD_MAX; at += 64)
        status = slot_upload(0, at, next, 64, true, why, sizeof why);
    assert_int_equal(status, WM_ETOOLARGE);
    assert_untouched();
}

static void the_longest_head_is_taken(void **state) {
    struct intake intake;
    (void)state;
    memset(bundle, 0, sizeof bundle);
    bundle[0] = 0x59; /* a byte string, then the head of another, of 0 bytes */
    for (unsigned more = 0; more < 2; more++) {
        size_t payload = MODULE_HEAD_MAX - 4 + more;
        bundle[1] = (uint8_t)(payload >> 8);
        bundle[2] = (uint8_t)payload;
        bundle[3 + payload] = 0x40;
        intake_begin(&intake);
        wm_status status = intake_look(&intake, bundle, MODULE_HEAD_MAX, true, why, sizeof why);
        assert_int_equal(status, more ? WM_ETOOLARGE : WM_EINVAL); /* its manifest is none */
        bundle[3 + payload] = 0;
    }
}

static void while_it_waits_it_may_come_again_in_smaller_blocks(void **state) {
    struct release v2 = signed_release("2", 2);
    (void)state;
    size_t len = offer_head(0, &v2, 512);
    assert_true(slot_upload_waits(0));
    assert_int_equal(offer_block(0, 0, 64, len), WM_OK);
    assert_false(slot_upload_waits(0));
    assert_int_equal(slot_upload_prepare(0, false, why, sizeof why), WM_OK); /* 2.31 */
    assert_int_equal(pool_erases(), 0);
    for (size_t at = 64; at < len; at += 64)
        ASSERT_OK(send_block(0, at, 64, len));
    assert_non_null(slot_at(0)->candidate);
}

static void what_was_ended_while_it_waited_is_not_erased_for(void **state) {
    struct release v2 = signed_release("2", 2);
    (void)state;
    (void)offer_head(0, &v2, 512);
    assert_true(slot_upload_waits(0));
    slots_judge_again(); /* the keys have changed */
    assert_false(slot_is_uploaded_to(0));
    assert_int_equal(slot_upload_prepare(0, false, why, sizeof why), WM_EINVAL);
    assert_int_equal(pool_erases(), 0);
}

/* ---- a manifest that is sent again and again ---------------------------------------------- */

/* The head, and then other bytes each time: as much as somebody can who has heard it. */
static wm_status replay(const struct release *release, unsigned round) {
    struct bundle_head head;
    size_t len = make_bundle(release, bundle, sizeof bundle);
    assert_true(bundle_get_head(bundle, len, &head));
    for (size_t at = head.module_at; at < head.module_at + 4; at++)
        bundle[at] = (uint8_t)(round >> 8 * (at - head.module_at));
    wm_status status = send_blocks(0, 0, 2 * 512, len);
    fake_advance_us(5000000); /* whatever is erased ahead is */
    return status;
}

static void a_head_that_is_replayed_costs_one_erase(void **state) {
    struct release v2 = signed_release("2", 2);
    (void)state;
    for (int round = 0; round < 100; round++)
        ASSERT_OK(replay(&v2, 0));
    assert_int_equal(pool_erases(), 1);
    slot_upload_abandon(0);
    (void)offer_head(0, &v2, 16); /* in other blocks, and before other bytes */
    assert_true(slot_upload_is_judged(0));
    assert_false(slot_upload_waits(0));
    assert_int_equal(pool_erases(), 1);
}

static void other_bytes_behind_it_are_bounded(void **state) {
    struct release v2 = signed_release("2", 2);
    (void)state;
    unsigned refused = 0;
    for (unsigned round = 1; round <= 100; round++)
        refused += replay(&v2, round) == WM_EBUSY;
    assert_in_range(pool_erases(), 1, MODULE_ERASES_MAX + 2); /* and one ahead of need */
    assert_in_range(refused, 100 - MODULE_ERASES_MAX - 1, 99);
    assert_non_null(strstr(why, "in a row"));
    uint32_t erases = pool_erases();
    fake_advance_us(MODULE_ERASE_EVERY_S * UINT64_C(1000000));
    ASSERT_OK(replay(&v2, 1000));
    assert_int_equal(replay(&v2, 1001), WM_EBUSY);
    assert_in_range(pool_erases(), erases, erases + 2);
}

static void a_refused_replay_keeps_the_candidate(void **state) {
    struct release v2 = signed_release("2", 2);
    (void)state;
    for (unsigned round = 1; replay(&v2, round) != WM_EBUSY; round++)
        assert_in_range(round, 1, 100);
    fake_advance_us(MODULE_ERASE_EVERY_S * UINT64_C(1000000));
    with_a_candidate();
    assert_int_equal(replay(&v2, 1000), WM_EBUSY);
    assert_untouched();
}

static void what_starts_pays_back(void **state) {
    (void)state;
    for (uint32_t sequence = 1; sequence <= 3 * MODULE_ERASES_MAX; sequence++) {
        struct release next = signed_release("n", sequence);
        ASSERT_OK(install(0, &next));
        if (slot_at(0)->active) {
            ASSERT_OK(swap(0));
        } else {
            ASSERT_OK(start(0));
        }
    }
}

/* Nobody needs a key to start what he sends again. */
static void but_not_the_same_module_again(void **state) {
    struct release release = signed_release("1", 1);
    (void)state;
    wm_status status = WM_OK;
    for (int round = 0; status == WM_OK && round < 50; round++) {
        status = install(0, &release);
        if (status == WM_OK) {
            ASSERT_OK(start(0));
            ASSERT_OK(slot_remove(0, why, sizeof why));
        }
    }
    assert_int_equal(status, WM_EBUSY);
    assert_in_range(pool_erases(), 1, MODULE_ERASES_MAX + 2);
}

static void in_development_mode_uploads_are_not_counted(void **state) {
    (void)state;
    for (unsigned round = 0; round < 3 * MODULE_ERASES_MAX; round++)
        ASSERT_OK(install(0, &v1));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_with_key, teardown)
#define IN_DEVELOPMENT(name) cmocka_unit_test_setup_teardown(name, setup_without_key, teardown)
    const struct CMUnitTest tests[] = {
        TEST(junk_costs_nothing),
        IN_DEVELOPMENT(junk_costs_nothing),
        TEST(what_is_no_head_is_refused_at_once),
        IN_DEVELOPMENT(what_is_no_head_is_refused_at_once),
        TEST(a_forged_signature_costs_nothing),
        TEST(a_manifest_of_another_size_costs_nothing),
        IN_DEVELOPMENT(a_manifest_of_another_size_costs_nothing),
        TEST(a_head_in_blocks_of_any_size_is_kept_in_ram),
        IN_DEVELOPMENT(a_head_in_blocks_of_any_size_is_kept_in_ram),
        TEST(a_head_that_is_too_long_is_refused),
        IN_DEVELOPMENT(a_head_that_is_too_long_is_refused),
        IN_DEVELOPMENT(the_longest_head_is_taken),
        TEST(while_it_waits_it_may_come_again_in_smaller_blocks),
        TEST(what_was_ended_while_it_waited_is_not_erased_for),
        TEST(a_head_that_is_replayed_costs_one_erase),
        TEST(other_bytes_behind_it_are_bounded),
        TEST(a_refused_replay_keeps_the_candidate),
        TEST(what_starts_pays_back),
        TEST(but_not_the_same_module_again),
        IN_DEVELOPMENT(in_development_mode_uploads_are_not_counted),
    };
    return cmocka_run_group_tests_name("slot head", tests, NULL, NULL);
}
