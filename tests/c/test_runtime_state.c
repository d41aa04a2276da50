/* Snapshots of a live module: what is read of one and put into another of the same bytes makes the other
 * go on as the first would have. */
#define ARENA_BYTES (256 * 1024) /* two modules that grow */
#include "runtime_fixture.h"

static struct runtime other;

static int teardown_both(void **state) {
    runtime_unload(&other);
    return teardown(state);
}

static void load_both(void) {
    ASSERT_LOADS(history);
    assert_int_equal(
        runtime_load(&other, wasm_history, sizeof wasm_history, &limits, &host, &seen, why, sizeof why),
        WM_OK);
}

static void feed(struct runtime *to, uint32_t input, float value) {
    const float values[2] = {0.0f, value};
    assert_int_equal(runtime_on_sample(to, input, 1234, values, 2, why, sizeof why), WM_OK);
}

static void copy(const struct runtime *from, struct runtime *to) {
    uint32_t len;
    uint64_t bits;
    const uint8_t *memory = runtime_snapshot_memory(from, &len);
    assert_int_equal(runtime_snapshot_resize(to, len), WM_OK);
    runtime_snapshot_clear(to);
    assert_int_equal(runtime_snapshot_write(to, 0, memory, len), WM_OK);
    for (uint32_t i = 0; i < runtime_snapshot_globals(from); i++) {
        if (runtime_snapshot_global(from, i, &bits)) {
            assert_int_equal(runtime_snapshot_set_global(to, i, bits), WM_OK);
        }
    }
}

static void a_copy_goes_on_as_the_one_it_was_taken_from(void **state) {
    (void)state;
    uint8_t expected[28];
    load_both();
    for (uint32_t i = 0; i < 20; i++) {
        feed(&rt, i == 7 ? 2 : 0, 0.37f * (float)i);
    }
    feed(&other, 1, 1e9f); /* a past of its own, that must not shine through */
    copy(&rt, &other);
    for (uint32_t i = 0; i < 10; i++) {
        feed(&rt, i == 4 ? 2 : 1, -1.25f * (float)i);
        memcpy(expected, seen.bytes, sizeof expected);
        feed(&other, i == 4 ? 2 : 1, -1.25f * (float)i);
        assert_memory_equal(seen.bytes, expected, sizeof expected);
    }
    assert_int_equal(word(seen.bytes, 6), 3); /* both have grown twice */
}

static void only_mutable_globals_are_told_and_set(void **state) {
    (void)state;
    uint64_t bits;
    ASSERT_LOADS(history);
    assert_int_equal(runtime_snapshot_globals(&rt), 5);
    assert_false(runtime_snapshot_global(&rt, 0, &bits));
    assert_int_equal(runtime_snapshot_set_global(&rt, 0, 8), WM_EINVAL);
    assert_int_equal(runtime_snapshot_set_global(&rt, 5, 8), WM_EINVAL);
    feed(&rt, 0, 2.5f);
    assert_true(runtime_snapshot_global(&rt, 1, &bits));
    assert_int_equal(bits, 1);
    assert_true(runtime_snapshot_global(&rt, 3, &bits));
    assert_int_equal(bits, 0x40100000); /* 2.25f, and nothing above */
}

static void the_table_is_told_by_function_index(void **state) {
    (void)state;
    ASSERT_LOADS(history);
    assert_int_equal(runtime_snapshot_table(&rt), 4);
    assert_int_equal(runtime_snapshot_entry(&rt, 0), RUNTIME_NO_FUNCTION);
    assert_int_equal(runtime_snapshot_entry(&rt, 1), 1); /* 0 is the import */
    assert_int_equal(runtime_snapshot_entry(&rt, 2), 2);
    assert_int_equal(runtime_snapshot_entry(&rt, 3), RUNTIME_NO_FUNCTION);
}

static void a_size_that_the_module_cannot_have_is_refused(void **state) {
    (void)state;
    uint32_t len;
    const uint8_t byte = 1;
    ASSERT_LOADS(history);
    assert_int_equal(runtime_snapshot_resize(&rt, RUNTIME_PAGE_BYTES - 1), WM_EINVAL);
    assert_int_equal(runtime_snapshot_resize(&rt, 2 * RUNTIME_PAGE_BYTES + 4), WM_EINVAL);
    assert_int_equal(runtime_snapshot_resize(&rt, 4 * RUNTIME_PAGE_BYTES), WM_EINVAL);
    assert_int_equal(runtime_snapshot_resize(&rt, 2 * RUNTIME_PAGE_BYTES), WM_OK);
    assert_int_equal(runtime_snapshot_resize(&rt, RUNTIME_PAGE_BYTES), WM_EINVAL);
    assert_non_null(runtime_snapshot_memory(&rt, &len));
    assert_int_equal(len, 2 * RUNTIME_PAGE_BYTES);
    assert_int_equal(runtime_snapshot_write(&rt, len - 1, &byte, 1), WM_OK);
    assert_int_equal(runtime_snapshot_write(&rt, len, &byte, 1), WM_EINVAL);
    assert_int_equal(runtime_snapshot_write(&rt, UINT32_MAX, &byte, 1), WM_EINVAL);
}

static void a_size_that_the_arena_has_not_leaves_a_module_to_unload(void **state) {
    (void)state;
    static _Alignas(8) uint8_t small[40 * 1024]; /* for the first page and what comes with it */
    runtime_arena_init(small, sizeof small);
    ASSERT_LOADS(history);
    assert_int_equal(runtime_snapshot_resize(&rt, 3 * RUNTIME_PAGE_BYTES), WM_ENOMEM);
    runtime_unload(&rt);
    assert_int_equal(runtime_arena_free(), sizeof small);
    ASSERT_LOADS(history); /* the arena is whole */
    runtime_unload(&rt);
    runtime_arena_init(arena_bytes, sizeof arena_bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown_both)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_copy_goes_on_as_the_one_it_was_taken_from),
        TEST(only_mutable_globals_are_told_and_set),
        TEST(the_table_is_told_by_function_index),
        TEST(a_size_that_the_module_cannot_have_is_refused),
        TEST(a_size_that_the_arena_has_not_leaves_a_module_to_unload),
    };
    return cmocka_run_group_tests_name("runtime_state", tests, NULL, NULL);
}
