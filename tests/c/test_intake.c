/* What may be installed: on a node with keys nothing but what they signed, unchanged, for this board,
 * and not older than what ran. */
#include "cmocka_all.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "manifest_maker.h"
#include "node/counters.h"
#include "node/intake.h"
#include "node/trust.h"
#include "store/store.h"
#include "tests/powercut/nor.h"

static const struct geometry geometry = {"one bank", {4096, 4096}, 4096, {4096}};

static const uint8_t seed[SEED_BYTES] = {1}, other_seed[SEED_BYTES] = {2};
static uint8_t key[TRUST_KEY_BYTES], key_id[TRUST_KEY_ID_BYTES], other_id[TRUST_KEY_ID_BYTES];
static const struct envelope ours = {seed, key_id, sizeof key_id, ""};
static const struct envelope others = {other_seed, other_id, sizeof other_id, ""};

static uint8_t module[1500], bundle[4096];
static size_t bundle_len;
static char why[160];

static const struct manifest_fields good = {
    .name = "flood",
    .version = "1",
    .cpu = "any",
    .number = {[2] = 7, [4] = sizeof module, [5] = 1, [7] = 1, [8] = 1024, [14] = 1000},
    .stream = {{"features", 3}},
    .input = {{"river", {"rain", "flow"}, 2, 0}},
    .schema = "flood/1",
    .state_bytes = 64,
    .leave_out = {[15] = true},
    .envelope = &ours,
};

static int setup(void **state) {
    uint8_t other_key[TRUST_KEY_BYTES];
    (void)state;
    nor_reset(&geometry, 1);
    assert_int_equal(store_start(), WM_OK);
    for (size_t i = 0; i < sizeof module; i++)
        module[i] = (uint8_t)(i * 31);
    signer_public_key(seed, key);
    signer_public_key(other_seed, other_key);
    trust_key_id(key, key_id);
    trust_key_id(other_key, other_id);
    return trust_put(0, key);
}

static int without_keys(void **state) {
    setup(state);
    return trust_put(0, NULL);
}

static void make(const struct manifest_fields *fields) {
    bundle_len = make_bundle_of(fields, module, sizeof module, bundle, sizeof bundle);
}

/* From byte `from` on, in blocks. */
static wm_status go_on(struct intake *intake, size_t from, size_t len, size_t block) {
    wm_status status = WM_OK;
    for (size_t at = from; at < len && status == WM_OK; at += block) {
        size_t there = len - at < block ? len : at + block;
        status = intake_look(intake, bundle, there, there < len, why, sizeof why);
    }
    return status;
}

static wm_status take(size_t block) {
    struct intake intake;
    intake_begin(&intake);
    return go_on(&intake, 0, bundle_len, block);
}

static wm_status take_bent(struct manifest_fields bend) {
    make(&bend);
    return take(1024);
}

static void in_blocks_of_any_size(void **state) {
    (void)state;
    make(&good);
    static const size_t blocks[] = {16, 64, 100, 512, 1024, sizeof bundle};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        assert_int_equal(take(blocks[i]), WM_OK);
    bundle[bundle_len - 1] ^= 1;
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        assert_int_equal(take(blocks[i]), WM_EPERM);
}

static void development_mode_takes_both_forms(void **state) {
    (void)state;
    struct manifest_fields bend = good;
    assert_int_equal(take_bent(bend), WM_OK);
    bend.envelope = NULL;
    assert_int_equal(take_bent(bend), WM_OK);
    bend.wrong_digest = true;
    assert_int_equal(take_bent(bend), WM_EDIGEST);
    bend = good;
    bend.cpu = "other";
    assert_int_equal(take_bent(bend), WM_EPERM);
    make(&good);
    bundle_len--;
    assert_int_equal(take(1024), WM_EINVAL);
}

static void assert_refused(struct manifest_fields bend, const char *reason) {
    assert_int_equal(take_bent(bend), WM_EPERM);
    if (!strstr(why, reason))
        fail_msg("%s: %s", reason, why);
}

static void each_refusal_has_its_reason(void **state) {
    (void)state;
    static const struct envelope key_change = {seed, key_id, sizeof key_id, "wasmote keys"};
    static const struct envelope pretended = {other_seed, key_id, sizeof key_id, ""};
    static const struct envelope nameless = {seed, key_id, 0, ""};
    struct manifest_fields bend = good;
    char reason[80];
    bend.envelope = NULL;
    assert_refused(bend, "is not signed");
    bend.envelope = &others;
    snprintf(reason, sizeof reason, "signed with key %02x%02x", other_id[0], other_id[1]);
    assert_refused(bend, reason);
    bend.envelope = &pretended;
    assert_refused(bend, "does not fit");
    bend.envelope = &key_change;
    assert_refused(bend, "does not fit");
    bend.envelope = &nameless;
    assert_refused(bend, "names no key");
    bend = good;
    bend.wrong_digest = true;
    assert_refused(bend, "SHA-256");
    bend = good;
    bend.cpu = "other";
    assert_refused(bend, "made for device class other, this is a testboard (testcpu)");
    bend.cpu = "testcpu";
    assert_int_equal(take_bent(bend), WM_OK);
}

/* What cannot pass is refused with the block that shows it, not after the last. */
static void refusals_come_early(void **state) {
    (void)state;
    struct manifest_fields bend = good;
    struct intake intake;
    bend.envelope = &others;
    make(&bend);
    intake_begin(&intake);
    assert_int_equal(intake_look(&intake, bundle, 512, true, why, sizeof why), WM_EPERM);
    bend.envelope = NULL;
    make(&bend);
    intake_begin(&intake);
    assert_int_equal(intake_look(&intake, bundle, 16, true, why, sizeof why), WM_EPERM);
}

/* The head with every bit flipped is judged from the start; in the module, from where the head ends. */
static void every_flipped_bit(void **state) {
    (void)state;
    struct intake judged;
    make(&good);
    size_t head = bundle_len - sizeof module;
    assert_true(head + 1024 <= bundle_len);
    for (size_t bit = 0; bit < 8 * head; bit++) {
        bundle[bit / 8] ^= (uint8_t)(1 << bit % 8);
        wm_status status = take(1024);
        assert_true(status == WM_EPERM || status == WM_ETOOLARGE); /* a length that is not its own */
        bundle[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    intake_begin(&judged);
    assert_int_equal(go_on(&judged, 0, head, head), WM_EPERM); /* the end, too early */
    intake_begin(&judged);
    assert_int_equal(intake_look(&judged, bundle, head, true, why, sizeof why), WM_OK);
    for (size_t bit = 8 * head; bit < 8 * bundle_len; bit++) {
        struct intake intake = judged;
        bundle[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(go_on(&intake, head, bundle_len, 1024), WM_EPERM);
        bundle[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(take(1024), WM_OK);
}

static void every_truncation_and_a_byte_more(void **state) {
    (void)state;
    make(&good);
    size_t whole = bundle_len;
    for (bundle_len = 1; bundle_len < whole; bundle_len++)
        assert_int_equal(take(1024), WM_EPERM);
    bundle_len = whole + 1;
    assert_int_equal(take(1024), WM_EPERM);
    struct intake intake;
    intake_begin(&intake);
    assert_int_equal(intake_look(&intake, bundle, 0, false, why, sizeof why), WM_EPERM);
}

static void the_envelope_of_another_module(void **state) {
    (void)state;
    make(&good);
    memset(bundle + bundle_len - sizeof module, 0x11, sizeof module);
    assert_int_equal(take(1024), WM_EPERM);
    assert_non_null(strstr(why, "SHA-256"));
}

static wm_status runs(const char *name, uint32_t sequence) {
    struct manifest manifest = {.sequence = sequence};
    snprintf(manifest.name, sizeof manifest.name, "%s", name);
    return intake_runs(&manifest, why, sizeof why);
}

static void no_way_back_to_an_older_release(void **state) {
    (void)state;
    struct manifest_fields bend = good;
    assert_int_equal(runs("flood", 7), WM_OK);
    assert_int_equal(take_bent(bend), WM_OK); /* the same again */
    bend.number[2] = 6;
    assert_refused(bend, "flood with sequence number 6 is older than 7, which ran here");
    bend.number[2] = 9;
    assert_int_equal(take_bent(bend), WM_OK);
    bend.number[2] = 8;
    assert_int_equal(take_bent(bend), WM_OK); /* 9 has not run */
    bend.name = "other";
    bend.number[2] = 1;
    assert_int_equal(take_bent(bend), WM_OK);
    assert_int_equal(runs("flood", 9), WM_OK);
    assert_int_equal(runs("flood", 8), WM_EPERM); /* was a candidate when 9 began */
}

static void development_mode_counts_nothing(void **state) {
    (void)state;
    struct manifest_fields bend = good;
    assert_int_equal(runs("fresh", 7), WM_OK);
    bend.name = "fresh";
    bend.number[2] = 6;
    assert_int_equal(take_bent(bend), WM_OK);
    assert_int_equal(runs("fresh", 6), WM_OK);
    assert_int_equal(counter_get(COUNTER_OF_MODULES, "fresh"), 0);
}

static void a_full_table_takes_no_new_names(void **state) {
    (void)state;
    wm_status status = WM_OK;
    char name[8];
    for (int i = 0; status == WM_OK; i++) {
        assert_true(i < STORE_COUNTERS_MAX);
        snprintf(name, sizeof name, "n%d", i);
        status = runs(name, 1);
    }
    assert_int_equal(status, WM_ENOTSUP);
    assert_int_equal(runs("n0", 2), WM_OK);
    assert_int_equal(runs("n0", 1), WM_EPERM);
}

/* Neither a bare bundle nor a signed one. */
static void with_damaged_keys_nothing_is_taken(void **state) {
    (void)state;
    static const uint8_t half_a_record[] = {4, 0, 0, 0, 1};
    nor_reset(&geometry, 1);
    nor_put_keys(half_a_record, sizeof half_a_record);
    assert_int_equal(store_start(), WM_OK);
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        struct manifest_fields fields = good;
        fields.envelope = is_signed ? &ours : NULL;
        make(&fields);
        assert_int_equal(take(512), WM_EPERM);
        assert_string_equal(why, TRUST_DAMAGED);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(in_blocks_of_any_size, setup),
        cmocka_unit_test_setup(development_mode_takes_both_forms, without_keys),
        cmocka_unit_test_setup(each_refusal_has_its_reason, setup),
        cmocka_unit_test_setup(refusals_come_early, setup),
        cmocka_unit_test_setup(every_flipped_bit, setup),
        cmocka_unit_test_setup(every_truncation_and_a_byte_more, setup),
        cmocka_unit_test_setup(the_envelope_of_another_module, setup),
        cmocka_unit_test_setup(no_way_back_to_an_older_release, setup),
        cmocka_unit_test_setup(development_mode_counts_nothing, without_keys),
        cmocka_unit_test_setup(with_damaged_keys_nothing_is_taken, setup),
        cmocka_unit_test_setup(a_full_table_takes_no_new_names, setup),
    };
    return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
