/* Bundle and manifest: a whole one is read, every damage is refused with its reason. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "manifest_maker.h"
#include "node/manifest.h"

static const uint8_t module_bytes[] = {0, 'a', 's', 'm', 1, 0, 0, 0};

static const struct manifest_fields good = {
    .name = "flood",
    .version = "1.2.3",
    .cpu = "any",
    .number = {[2] = 20,
               [4] = sizeof module_bytes,
               [5] = 50,
               [7] = 70,
               [8] = 80,
               [14] = 140,
               [15] = 69 * MANIFEST_PAGE_BYTES + 1},
    .stream = {{"features", 3}, {"alarm", 1}},
    .input = {{"river", {"rain", "flow"}, 2, 0}},
    .parameter = {{"gain", 2.5f}},
    .schema = "flood/1",
    .state_bytes = 64,
    .capability = {"log"},
};

static uint8_t bundle[1024];

static size_t make_bundle(const struct manifest_fields *fields) {
    return make_bundle_of(fields, module_bytes, sizeof module_bytes, bundle, sizeof bundle);
}

static struct manifest manifest;
static struct span module;
static char why[128];

static wm_status open_bent(const struct manifest_fields *bend) {
    return bundle_open(bundle, make_bundle(bend), &manifest, &module, why, sizeof why);
}

static void a_whole_bundle_is_read(void **state) {
    (void)state;
    assert_int_equal(open_bent(&good), WM_OK);
    assert_string_equal(manifest.name, "flood");
    assert_string_equal(manifest.version, "1.2.3");
    assert_int_equal(manifest.sequence, 20);
    assert_int_equal(manifest.abi, 50);
    assert_int_equal(manifest.pages, 70);
    assert_int_equal(manifest.stack_bytes, 80);
    assert_int_equal(manifest.stream_count, 2);
    assert_string_equal(manifest.stream[0].name, "features");
    assert_int_equal(manifest.stream[0].values, 3);
    assert_int_equal(manifest.input_count, 1);
    assert_int_equal(manifest.input[0].channels, 2);
    assert_string_equal(manifest.state_schema, "flood/1");
    assert_int_equal(manifest.state_bytes, 64);
    assert_int_equal(manifest.capabilities, CAPABILITY_LOG);
    assert_int_equal(manifest.budget_us, 140);
    assert_int_equal(manifest.memory_bytes, 69 * MANIFEST_PAGE_BYTES + 1);
    assert_int_equal(module.len, sizeof module_bytes);
    assert_memory_equal(module.bytes, module_bytes, sizeof module_bytes);
}

static void optional_keys_have_defaults(void **state) {
    (void)state;
    struct manifest_fields bend = good;
    bend.leave_out[14] = true;
    assert_int_equal(open_bent(&bend), WM_OK);
    assert_int_equal(manifest.budget_us, MODULE_EVENT_BUDGET_US);
    assert_int_equal(manifest.probation_events, MODULE_PROBATION_EVENTS);
    bend.probation = &(uint32_t){7};
    bend.leave_out[12] = true;
    assert_int_equal(open_bent(&bend), WM_OK);
    assert_int_equal(manifest.probation_events, 7);
    assert_int_equal(manifest.state_bytes, 0);
    bend.leave_out[15] = true;
    assert_int_equal(open_bent(&bend), WM_OK);
    assert_int_equal(manifest.memory_bytes, 0);
}

static void every_required_key_is_missed_by_name(void **state) {
    (void)state;
    for (int key = 0; key <= 10; key++) {
        struct manifest_fields bend = good;
        char expected[40];
        bend.leave_out[key] = true;
        snprintf(expected, sizeof expected, "manifest key %d is missing", key);
        assert_int_equal(open_bent(&bend), WM_EINVAL);
        assert_string_equal(why, expected);
    }
}

static void no_key_may_come_twice(void **state) {
    (void)state;
    for (int key = 0; key < 16; key++) {
        struct manifest_fields bend = good;
        bend.repeat[key] = true;
        assert_int_equal(open_bent(&bend), WM_EINVAL);
        assert_non_null(strstr(why, "a key twice"));
    }
}

static void assert_refused(struct manifest_fields bend, wm_status status, const char *reason) {
    assert_int_equal(open_bent(&bend), status);
    assert_non_null(strstr(why, reason));
}

static void bent_fields_are_refused(void **state) {
    (void)state;
    struct manifest_fields bend = good;
    bend.name = "Flood!";
    assert_refused(bend, WM_EINVAL, "key 0");
    bend = good;
    bend.name = "a-name-of-thirty-two-characters-";
    assert_refused(bend, WM_EINVAL, "key 0");
    bend = good;
    bend.stream[1].name = "features";
    assert_refused(bend, WM_EINVAL, "key 9");
    bend = good;
    bend.stream[0].values = STREAM_VALUES_MAX + 1;
    assert_refused(bend, WM_EINVAL, "key 9");
    bend.stream[0].values = 0;
    assert_refused(bend, WM_EINVAL, "key 9");
    bend = good;
    bend.input[0].units = 1;
    assert_refused(bend, WM_EINVAL, "key 10");
    bend = good;
    bend.input[1] = good.input[0]; /* of one name */
    assert_refused(bend, WM_EINVAL, "key 10");
    bend = good;
    bend.schema = "";
    assert_refused(bend, WM_EINVAL, "key 12");
    bend = good;
    bend.capability[0] = "root";
    assert_refused(bend, WM_EINVAL, "key 13");
    bend = good;
    bend.number[15]--; /* ends in the page before */
    assert_refused(bend, WM_EINVAL, "1130496 bytes of memory do not end in page 70");
    bend.number[15] = 70 * MANIFEST_PAGE_BYTES;
    assert_int_equal(open_bent(&bend), WM_OK);
    bend.number[15]++;
    assert_refused(bend, WM_EINVAL, "do not end in page 70");
    bend = good;
    bend.number[4]++;
    assert_refused(bend, WM_EINVAL, "the manifest says 9 bytes, the module has 8");
}

static void names_of_values_are_found_by_stream(void **state) {
    /* [{0: "a", 3: ["x", "y"]}, {3: ["z"], 0: "b"}, {0: "c"}] as key 9, and an empty module */
    static const uint8_t named[] = {0x58, 25,   0xa1, 9,    0x83, 0xa2, 0,   0x61, 'a',  3,
                                    0x82, 0x61, 'x',  0x61, 'y',  0xa2, 3,   0x81, 0x61, 'z',
                                    0,    0x61, 'b',  0xa1, 0,    0x61, 'c', 0x40};
    (void)state;
    struct span a = bundle_field_names(named, sizeof named, "a");
    assert_int_equal(a.len, 5);
    assert_memory_equal(a.bytes, named + 10, 5);
    struct span b = bundle_field_names(named, sizeof named, "b");
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.bytes, named + 17, 3);
    assert_int_equal(bundle_field_names(named, sizeof named, "c").len, 0);
    assert_int_equal(bundle_field_names(named, sizeof named, "d").len, 0);
    for (size_t len = 0; len < 15; len++)
        assert_int_equal(bundle_field_names(named, len, "a").len, 0);
}

static void every_truncation_is_refused(void **state) {
    (void)state;
    size_t whole = make_bundle(&good);
    for (size_t len = 0; len < whole; len++) {
        uint8_t *copy = test_malloc(len + 1); /* so that a read behind the end is seen */
        memcpy(copy, bundle, len);
        assert_true(bundle_open(copy, len, &manifest, &module, why, sizeof why) != WM_OK);
        test_free(copy);
    }
}

/* Every bit: no crash, and never a module of another size than the manifest says. */
static void flipped_bits_never_change_the_size(void **state) {
    (void)state;
    size_t whole = make_bundle(&good);
    for (size_t bit = 0; bit < whole * 8; bit++) {
        bundle[bit / 8] ^= (uint8_t)(1u << bit % 8);
        wm_status status = bundle_open(bundle, whole, &manifest, &module, why, sizeof why);
        if (status == WM_OK)
            assert_int_equal(module.len, manifest.size);
        bundle[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void names_are_path_segments(void **state) {
    (void)state;
    assert_true(name_is_valid("a"));
    assert_true(name_is_valid("flood_v2-x9"));
    assert_false(name_is_valid(""));
    assert_false(name_is_valid("a/b"));
    assert_false(name_is_valid("A"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_bundle_is_read),
        cmocka_unit_test(optional_keys_have_defaults),
        cmocka_unit_test(every_required_key_is_missed_by_name),
        cmocka_unit_test(no_key_may_come_twice),
        cmocka_unit_test(bent_fields_are_refused),
        cmocka_unit_test(names_of_values_are_found_by_stream),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(flipped_bits_never_change_the_size),
        cmocka_unit_test(names_are_path_segments),
    };
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
