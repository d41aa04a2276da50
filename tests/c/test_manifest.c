/* Bundle and manifest: a whole one is read, every damage is refused with its reason. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "core/cbor.h"
#include "node/manifest.h"

static const uint8_t module_bytes[] = {0, 'a', 's', 'm', 1, 0, 0, 0};

/* What to bend in an otherwise good bundle. */
struct bend {
    int leave_out; /* key; -1 = none */
    int repeat;    /* key; -1 = none */
    uint32_t size;
    const char *name;
    const char *second_stream;
    uint32_t shape;
    size_t units;
    size_t inputs; /* all of one name */
    const char *schema;
    const char *capability;
    uint32_t memory_bytes;
    bool wrong_digest;
};

static const struct bend good = {.leave_out = -1,
                                 .repeat = -1,
                                 .size = sizeof module_bytes,
                                 .name = "flood",
                                 .second_stream = "alarm",
                                 .shape = 3,
                                 .units = 2,
                                 .inputs = 1,
                                 .schema = "flood/1",
                                 .capability = "log",
                                 .memory_bytes = 69 * MANIFEST_PAGE_BYTES + 1};

static void put_stream(struct cbor_out *out, const char *name, uint32_t shape) {
    cbor_put_map(out, 4);
    cbor_put_uint(out, 0);
    cbor_put_text(out, name);
    cbor_put_uint(out, 1);
    cbor_put_uint(out, 0);
    cbor_put_uint(out, 2);
    cbor_put_array(out, 1);
    cbor_put_uint(out, shape);
    cbor_put_uint(out, 99); /* a key of a later version */
    cbor_put_array(out, 0);
}

static void put_input(struct cbor_out *out, size_t units) {
    cbor_put_map(out, 3);
    cbor_put_uint(out, 0);
    cbor_put_text(out, "river");
    cbor_put_uint(out, 1);
    cbor_put_array(out, 2);
    cbor_put_text(out, "rain");
    cbor_put_text(out, "flow");
    cbor_put_uint(out, 2);
    cbor_put_array(out, units);
    for (size_t i = 0; i < units; i++)
        cbor_put_text(out, "mm");
}

static void put_digest(struct cbor_out *out, bool wrong) {
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    sha256_init(&hash);
    sha256_update(&hash, module_bytes, sizeof module_bytes);
    sha256_final(&hash, digest);
    digest[31] ^= wrong;
    cbor_put_bytes(out, digest, sizeof digest);
}

static void put_field(struct cbor_out *out, int key, const struct bend *bend) {
    cbor_put_uint(out, (unsigned)key);
    switch (key) {
    case 0:
        cbor_put_text(out, bend->name);
        break;
    case 1:
        cbor_put_text(out, "1.2.3");
        break;
    case 3:
        put_digest(out, bend->wrong_digest);
        break;
    case 4:
        cbor_put_uint(out, bend->size);
        break;
    case 6:
        cbor_put_text(out, "any");
        break;
    case 9:
        cbor_put_array(out, 2);
        put_stream(out, "features", bend->shape);
        put_stream(out, bend->second_stream, 1);
        break;
    case 10:
        cbor_put_array(out, bend->inputs);
        for (size_t i = 0; i < bend->inputs; i++)
            put_input(out, bend->units);
        break;
    case 11:
        cbor_put_map(out, 1);
        cbor_put_text(out, "gain");
        cbor_put_float(out, 2.5f);
        break;
    case 12:
        cbor_put_map(out, 2);
        cbor_put_uint(out, 0);
        cbor_put_text(out, bend->schema);
        cbor_put_uint(out, 1);
        cbor_put_uint(out, 64);
        break;
    case 13:
        cbor_put_array(out, 1);
        cbor_put_text(out, bend->capability);
        break;
    case 15:
        cbor_put_uint(out, bend->memory_bytes);
        break;
    default: /* 2 sequence, 5 abi, 7 pages, 8 stack, 14 budget */
        cbor_put_uint(out, (unsigned)key * 10);
    }
}

static uint8_t bundle[1024];

static size_t make_bundle(const struct bend *bend) {
    uint8_t manifest[512];
    struct cbor_out inner, outer;
    size_t pairs = 16 - (bend->leave_out >= 0) + (bend->repeat >= 0);
    cbor_out_init(&inner, manifest, sizeof manifest);
    cbor_put_map(&inner, pairs);
    for (int key = 0; key < 16; key++)
        if (key != bend->leave_out)
            put_field(&inner, key, bend);
    if (bend->repeat >= 0)
        put_field(&inner, bend->repeat, bend);
    cbor_out_init(&outer, bundle, sizeof bundle);
    cbor_put_bytes(&outer, manifest, inner.len);
    cbor_put_bytes(&outer, module_bytes, sizeof module_bytes);
    assert_false(inner.overflow || outer.overflow);
    return outer.len;
}

static struct manifest manifest;
static struct span module;
static char why[128];

static wm_status open_bend(const struct bend *bend) {
    return bundle_open(bundle, make_bundle(bend), &manifest, &module, why, sizeof why);
}

static void a_whole_bundle_is_read(void **state) {
    (void)state;
    assert_int_equal(open_bend(&good), WM_OK);
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
    struct bend bend = good;
    bend.leave_out = 14;
    assert_int_equal(open_bend(&bend), WM_OK);
    assert_int_equal(manifest.budget_us, MODULE_EVENT_BUDGET_US);
    bend.leave_out = 12;
    assert_int_equal(open_bend(&bend), WM_OK);
    assert_int_equal(manifest.state_bytes, 0);
    bend.leave_out = 15;
    assert_int_equal(open_bend(&bend), WM_OK);
    assert_int_equal(manifest.memory_bytes, 0);
}

static void every_required_key_is_missed_by_name(void **state) {
    (void)state;
    for (int key = 0; key <= 10; key++) {
        struct bend bend = good;
        char expected[40];
        bend.leave_out = key;
        snprintf(expected, sizeof expected, "manifest key %d is missing", key);
        assert_int_equal(open_bend(&bend), WM_EINVAL);
        assert_string_equal(why, expected);
    }
}

static void no_key_may_come_twice(void **state) {
    (void)state;
    for (int key = 0; key < 16; key++) {
        struct bend bend = good;
        bend.repeat = key;
        assert_int_equal(open_bend(&bend), WM_EINVAL);
        assert_non_null(strstr(why, "repeated"));
    }
}

static void assert_refused(struct bend bend, wm_status status, const char *reason) {
    assert_int_equal(open_bend(&bend), status);
    assert_non_null(strstr(why, reason));
}

static void bent_fields_are_refused(void **state) {
    (void)state;
    struct bend bend = good;
    bend.name = "Flood!";
    assert_refused(bend, WM_EINVAL, "key 0");
    bend = good;
    bend.name = "a-name-of-thirty-two-characters-";
    assert_refused(bend, WM_EINVAL, "key 0");
    bend = good;
    bend.second_stream = "features";
    assert_refused(bend, WM_EINVAL, "key 9");
    bend = good;
    bend.shape = STREAM_VALUES_MAX + 1;
    assert_refused(bend, WM_EINVAL, "key 9");
    bend.shape = 0;
    assert_refused(bend, WM_EINVAL, "key 9");
    bend = good;
    bend.units = 1;
    assert_refused(bend, WM_EINVAL, "key 10");
    bend = good;
    bend.inputs = 2;
    assert_refused(bend, WM_EINVAL, "key 10");
    bend = good;
    bend.schema = "";
    assert_refused(bend, WM_EINVAL, "key 12");
    bend = good;
    bend.capability = "root";
    assert_refused(bend, WM_EINVAL, "key 13");
    bend = good;
    bend.memory_bytes--; /* ends in the page before */
    assert_refused(bend, WM_EINVAL, "1130496 bytes of memory do not end in page 70");
    bend.memory_bytes = 70 * MANIFEST_PAGE_BYTES;
    assert_int_equal(open_bend(&bend), WM_OK);
    bend.memory_bytes++;
    assert_refused(bend, WM_EINVAL, "do not end in page 70");
    bend = good;
    bend.size++;
    assert_refused(bend, WM_EINVAL, "the manifest says 9 bytes, the module has 8");
    bend = good;
    bend.wrong_digest = true;
    assert_refused(bend, WM_EDIGEST, "SHA-256");
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

/* Every bit of the manifest: no crash, and never a digest that was not the module's. */
static void flipped_bits_never_pass_the_digest(void **state) {
    (void)state;
    size_t whole = make_bundle(&good);
    for (size_t bit = 0; bit < whole * 8; bit++) {
        bundle[bit / 8] ^= (uint8_t)(1u << bit % 8);
        wm_status status = bundle_open(bundle, whole, &manifest, &module, why, sizeof why);
        if (status == WM_OK)
            assert_memory_equal(module.bytes, module_bytes, sizeof module_bytes);
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
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(flipped_bits_never_pass_the_digest),
        cmocka_unit_test(names_are_path_segments),
    };
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
