/* What is refused, with which words, and that loading leaves nothing behind. */
#include "runtime_fixture.h"

#include <limits.h>
#include <stdlib.h>

#include "arena.h"
#include "config/wasm3_config.h"
#include "wasm3.h"

#define ASSERT_REFUSED(name, status, sentence)                                                          \
    do {                                                                                                \
        assert_int_equal(LOAD(name), status);                                                           \
        assert_string_equal(why, sentence);                                                             \
        assert_false(runtime_is_loaded(&rt));                                                           \
        assert_int_equal(runtime_arena_free(), sizeof arena_bytes);                                     \
    } while (0)

static void imports_are_named(void **state) {
    (void)state;
    ASSERT_REFUSED(unknown_import, WM_ENOENT, "imports env.foo, which this node does not offer");
    ASSERT_REFUSED(import_memory, WM_ENOENT,
                   "imports the memory env.memory, which this node does not offer");
    ASSERT_REFUSED(wrong_import_type, WM_EINVAL,
                   "imports wasmote.emit with other parameters or results than i(iii)");
}

static void what_is_not_granted_is_refused(void **state) {
    (void)state;
    struct host_api without = host;
    without.log = NULL;
    assert_int_equal(runtime_load(&rt, wasm_host_calls, sizeof wasm_host_calls, &limits, &without, &seen,
                                  why, sizeof why),
                     WM_EPERM);
    assert_string_equal(why,
                        "imports wasmote.log, which needs a capability that its manifest does not name");
    assert_int_equal(
        runtime_load(&rt, wasm_echo, sizeof wasm_echo, &limits, &without, &seen, why, sizeof why),
        WM_OK);
}

static void exports_are_checked(void **state) {
    (void)state;
    ASSERT_REFUSED(wrong_export_type, WM_EINVAL, "exports on_tick, but not as a function of type v(I)");
    ASSERT_REFUSED(no_buffer, WM_EINVAL, "does not export wasmote_buffer");
    ASSERT_REFUSED(no_memory, WM_EINVAL, "does not export its memory as \"memory\"");
    ASSERT_REFUSED(small_buffer, WM_EINVAL, "wasmote_buffer gave no room for 64 bytes");
}

static void unflagged_memory_is_refused(void **state) {
    (void)state;
    ASSERT_REFUSED(unflagged, WM_ENOTSUP, "is built for 64 KiB pages; rebuild it with wasmote build");
}

static void memory_over_the_limit_gives_both_numbers(void **state) {
    (void)state;
    ASSERT_REFUSED(big_memory, WM_ENOMEM, "needs 5 pages of 16 KiB of linear memory, but may have 3");
}

static void memory_over_the_arena_gives_all_numbers(void **state) {
    (void)state;
    struct runtime_limits generous = limits;
    generous.memory_pages = 100;
    runtime_arena_init(arena_bytes, 64 * 1024);
    assert_int_equal(load_with(wasm_big_memory, sizeof wasm_big_memory, &generous), WM_ENOMEM);
    assert_memory_equal(why, "needs up to 8", 13); /* 81,920 bytes of memory, and the rest */
    assert_non_null(strstr(why, " bytes (memory 819"));
    assert_non_null(strstr(why, "), but the module arena has 65536 left"));
    assert_int_equal(runtime_arena_free(), 64 * 1024);
    runtime_arena_init(arena_bytes, sizeof arena_bytes);
}

static void segments_must_fit(void **state) {
    (void)state;
    ASSERT_REFUSED(data_outside, WM_EINVAL, "has a data segment that lies outside the memory");
}

/* Compiled at load, not when it is first called. */
static void a_bad_body_is_refused_at_load(void **state) {
    (void)state;
    ASSERT_REFUSED(bad_body, WM_EINVAL,
                   "does not validate: function 1, offset 0x51: opcode 0x6a needs i32, found nothing");
}

static void many_results_are_refused(void **state) {
    (void)state;
    ASSERT_REFUSED(many_results, WM_ENOMEM,
                   "is beyond a limit: type section, offset 0x11: 400 results, but at most 16");
}

static void deep_nesting_is_refused(void **state) {
    (void)state;
    ASSERT_REFUSED(deep_nesting, WM_ENOMEM,
                   "is beyond a limit: function 1, offset 0x151: 129 nested blocks, but at most 128");
}

static void an_unbounded_node_refuses_to_load(void **state) {
    (void)state;
    runtime_set_clock(NULL);
    ASSERT_REFUSED(echo, WM_ENOTSUP,
                   "cannot be bounded: this firmware has set no arena, clock or native stack");
}

/* A copy of exact size, so that the address sanitizer sees a read behind it. */
static wm_status load_copy(const uint8_t *wasm, size_t len) {
    uint8_t *copy = malloc(len);
    assert_true(copy != NULL || len == 0);
    memcpy(copy, wasm, len);
    const wm_status status = load_with(copy, len, &limits);
    free(copy);
    return status;
}

/* Refused with a reason, but for what ends before a data section: that is a module too. */
static unsigned prefixes_that_load(const uint8_t *wasm, size_t len) {
    unsigned loaded = 0;
    for (size_t part = 0; part < len; part++) {
        const wm_status status = load_copy(wasm, part);
        assert_true(status == WM_OK || why[0] != '\0');
        loaded += status == WM_OK;
        runtime_unload(&rt);
        assert_int_equal(runtime_arena_free(), sizeof arena_bytes);
    }
    return loaded;
}

static void every_prefix_of_every_module_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wasm_modules / sizeof wasm_modules[0]; i++) {
        assert_true(prefixes_that_load(wasm_modules[i].bytes, wasm_modules[i].len) <= 1);
    }
    assert_int_equal(prefixes_that_load(wasm_echo, sizeof wasm_echo), 1); /* before its data section */
}

/* Every bit turned over. Nothing may crash or leak. */
static void damaged_modules_do_no_harm(void **state) {
    (void)state;
    uint8_t damaged[sizeof wasm_echo];
    for (size_t at = 0; at < 8 * sizeof wasm_echo; at++) {
        memcpy(damaged, wasm_echo, sizeof wasm_echo);
        damaged[at / 8] ^= (uint8_t)(1u << at % 8);
        const wm_status status = load_copy(damaged, sizeof damaged);
        assert_true(status == WM_OK || why[0] != '\0');
        runtime_unload(&rt);
        assert_int_equal(runtime_arena_free(), sizeof arena_bytes);
    }
}

static void broken_name_section_is_ignored(void **state) {
    (void)state;
    struct runtime_usage without, with;
    /* custom section "name" with a subsection of 0xfffffffa bytes, then a name of function 1 */
    static const uint8_t section[] = {0x00, 0x0e, 0x04, 'n',  'a',  'm',  'e',  0x01,
                                      0xfa, 0xff, 0xff, 0xff, 0x0f, 0x01, 0x01, 0x00};
    uint8_t wasm[sizeof wasm_echo + sizeof section];
    memcpy(wasm, wasm_echo, sizeof wasm_echo);
    memcpy(wasm + sizeof wasm_echo, section, sizeof section);
    ASSERT_LOADS(echo);
    runtime_usage(&rt, &without);
    runtime_unload(&rt);
    assert_int_equal(load_with(wasm, sizeof wasm, &limits), WM_OK);
    runtime_usage(&rt, &with);
    assert_int_equal(with.arena_bytes, without.arena_bytes);
}

/* The linker hands the engine these instead (wasm3.mk): the one that brings the count to 0 fails. */
static unsigned allocations_left = UINT_MAX;

void *__real_arena_alloc(struct arena *arena, size_t n);
void *__real_arena_alloc_most(struct arena *arena, size_t *len);
void *__real_arena_resize(struct arena *arena, void *block, size_t n);
void *__wrap_arena_alloc(struct arena *arena, size_t n);
void *__wrap_arena_alloc_most(struct arena *arena, size_t *len);
void *__wrap_arena_resize(struct arena *arena, void *block, size_t n);

static bool may_allocate(void) {
    return allocations_left == UINT_MAX || (allocations_left > 0 && allocations_left-- > 0);
}

void *__wrap_arena_alloc(struct arena *arena, size_t n) {
    return may_allocate() ? __real_arena_alloc(arena, n) : NULL;
}

void *__wrap_arena_alloc_most(struct arena *arena, size_t *len) {
    *len = 0;
    return may_allocate() ? __real_arena_alloc_most(arena, len) : NULL;
}

void *__wrap_arena_resize(struct arena *arena, void *block, size_t n) {
    return may_allocate() ? __real_arena_resize(arena, block, n) : NULL;
}

/* The allocations after so many fail. A failed one is WM_ENOMEM, and nothing leaks. */
static unsigned allocations_to_load(const uint8_t *wasm, size_t len) {
    wm_status status = WM_ENOMEM;
    unsigned allowed = 0;
    for (; status != WM_OK; allowed++) {
        allocations_left = allowed;
        status = load_with(wasm, len, &limits);
        assert_true(status == WM_OK || (status == WM_ENOMEM && why[0] != '\0'));
        runtime_unload(&rt);
        assert_int_equal(runtime_arena_free(), sizeof arena_bytes);
    }
    allocations_left = UINT_MAX;
    return allowed;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    assert_in_range(allocations_to_load(wasm_echo, sizeof wasm_echo), 20, 200);
    assert_in_range(allocations_to_load(wasm_host_calls, sizeof wasm_host_calls), 20, 200);
    assert_in_range(allocations_to_load(wasm_history, sizeof wasm_history), 20, 200);
    assert_in_range(allocations_to_load(wasm_storm, sizeof wasm_storm), 20, 200);
}

/* What storm.wat emits: how often it grew, wrong answers, pages, the sum over its pages, its data. */
static void assert_stormed(uint32_t grown, uint32_t pages) {
    assert_int_equal(seen.len, 20);
    assert_int_equal(word(seen.bytes, 0), grown);
    assert_int_equal(word(seen.bytes, 1), 0);
    assert_int_equal(word(seen.bytes, 2), pages);
    assert_memory_equal(seen.bytes + 12, "last", 4); /* the pages that are new hold zeros */
    assert_memory_equal(seen.bytes + 16, "stay", 4);
}

/* A clock is read at every growth: 10,000 of them want more than the usual budget. */
static struct runtime_limits for_a_storm(void) {
    struct runtime_limits patient = limits;
    patient.budget_us = 2000000;
    return patient;
}

static void a_storm_of_growing_is_answered(void **state) {
    (void)state;
    const struct runtime_limits patient = for_a_storm();
    struct runtime_usage usage;
    assert_int_equal(load_with(wasm_storm, sizeof wasm_storm, &patient), WM_OK);
    assert_int_equal(runtime_start(&rt, why, sizeof why), WM_OK);
    for (unsigned event = 0; event < 10; event++) {
        assert_int_equal(sample(2000), WM_OK);
        assert_stormed(2, limits.memory_pages);
        runtime_usage(&rt, &usage);
        assert_int_equal(usage.memory_bytes, limits.memory_pages * RUNTIME_PAGE_BYTES);
        assert_int_equal(usage.arena_bytes, sizeof arena_bytes - runtime_arena_free());
    }
}

static void a_storm_of_growing_ends_with_its_budget(void **state) {
    (void)state;
    ASSERT_LOADS(storm);
    const uint64_t before = clock_us;
    assert_int_equal(sample(UINT32_MAX), WM_EBUDGET);
    assert_in_range(clock_us - before, limits.budget_us, limits.budget_us * 11 / 10);
}

static unsigned fill_arena(uint8_t **kept, unsigned most) {
    unsigned count = 0;
    for (size_t len = sizeof arena_bytes; len >= 8;) {
        uint8_t *block = runtime_keep(NULL, len);
        if (block == NULL) {
            len /= 2;
            continue;
        }
        assert_true(count < most);
        kept[count++] = block;
    }
    return count;
}

static void growing_in_a_full_arena_is_refused(void **state) {
    (void)state;
    const struct runtime_limits patient = for_a_storm();
    struct runtime_usage before, after;
    uint8_t *kept[64];
    assert_int_equal(load_with(wasm_storm, sizeof wasm_storm, &patient), WM_OK);
    runtime_usage(&rt, &before);
    const unsigned count = fill_arena(kept, sizeof kept / sizeof kept[0]);
    assert_int_equal(sample(2000), WM_OK);
    assert_stormed(0, 1);
    runtime_usage(&rt, &after);
    assert_memory_equal(&after, &before, sizeof after);
    for (unsigned i = 0; i < count; i++) {
        runtime_drop(kept[i]);
    }
    assert_int_equal(sample(2000), WM_OK);
    assert_stormed(2, limits.memory_pages);
}

#define ASSERT_PREDICTED(name)                                                                          \
    do {                                                                                                \
        ASSERT_LOADS(name);                                                                             \
        struct runtime_usage usage;                                                                     \
        runtime_usage(&rt, &usage);                                                                     \
        assert_in_range(usage.predicted_bytes, usage.arena_bytes, usage.arena_bytes * 5 / 4);           \
        runtime_unload(&rt);                                                                            \
    } while (0)

/* Not too little, and not much too much. A body of nothing but constants for a call makes more code than
 * any other: many_arguments needs 2 % more than expected, which would be refused while it is compiled.
 */
static void what_a_module_needs_is_known_before(void **state) {
    (void)state;
    ASSERT_PREDICTED(echo);
    ASSERT_PREDICTED(host_calls);
    ASSERT_PREDICTED(traps);
}

static void every_arena_size_fails_cleanly(void **state) {
    (void)state;
    size_t enough = 0;
    for (size_t size = 0; size <= 40 * 1024; size += 8) {
        runtime_arena_init(arena_bytes, size);
        const size_t empty = runtime_arena_free();
        const wm_status status = LOAD(host_calls);
        assert_true(status == WM_OK || status == WM_ENOMEM);
        enough = status == WM_OK && enough == 0 ? size : enough;
        runtime_unload(&rt);
        assert_int_equal(runtime_arena_free(), empty);
    }
    assert_in_range(enough, RUNTIME_PAGE_BYTES, 32 * 1024);
    runtime_arena_init(arena_bytes, sizeof arena_bytes);
}

/* The bank may be erased, or in flash that is being programmed, while the module runs. */
static void wasm_bytes_are_not_needed_after_load(void **state) {
    (void)state;
    size_t len;
    uint8_t *copy = test_malloc(sizeof wasm_echo);
    memcpy(copy, wasm_echo, sizeof wasm_echo);
    assert_int_equal(load_with(copy, sizeof wasm_echo, &limits), WM_OK);
    memset(copy, 0xa5, sizeof wasm_echo);
    test_free(copy);
    assert_int_equal(runtime_start(&rt, why, sizeof why), WM_OK);
    assert_int_equal(sample(0), WM_OK);
    assert_int_equal(runtime_on_config(&rt, (const uint8_t *)"\xa0", 1, why, sizeof why), WM_OK);
    assert_int_equal(seen.emits, 2);
    assert_int_equal(runtime_state(&rt, &len)[0], 1);
}

static void a_hundred_thousand_loads_drift_by_nothing(void **state) {
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        ASSERT_LOADS(echo);
        assert_int_equal(sample(0), WM_OK);
        runtime_unload(&rt);
        assert_int_equal(runtime_arena_free(), sizeof arena_bytes);
    }
}

static void two_modules_live_side_by_side(void **state) {
    (void)state;
    static struct runtime other;
    const float value = 0;
    size_t len;
    ASSERT_LOADS(echo);
    assert_int_equal(sample(0), WM_OK);
    assert_int_equal(
        runtime_load(&other, wasm_traps, sizeof wasm_traps, &limits, &host, &seen, why, sizeof why),
        WM_OK);
    assert_int_equal(runtime_on_sample(&other, 1, 0, &value, 1, why, sizeof why), WM_ETRAP);
    runtime_unload(&other);
    assert_int_equal(sample(0), WM_OK);
    assert_int_equal(runtime_state(&rt, &len)[0], 2);
}

static void unload_is_safe_on_nothing(void **state) {
    (void)state;
    runtime_unload(&rt);
    runtime_unload(&rt);
    assert_int_equal(sample(0), WM_EINVAL);
}

static void error_pointers_are_constant(void **state) {
    (void)state;
    const int in_flash = _Generic(&m3Err_mallocFailed, const M3Result * : 1, default : 0);
    assert_int_equal(in_flash, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(imports_are_named),
        TEST(what_is_not_granted_is_refused),
        TEST(exports_are_checked),
        TEST(unflagged_memory_is_refused),
        TEST(memory_over_the_limit_gives_both_numbers),
        TEST(memory_over_the_arena_gives_all_numbers),
        TEST(segments_must_fit),
        TEST(a_bad_body_is_refused_at_load),
        TEST(many_results_are_refused),
        TEST(deep_nesting_is_refused),
        TEST(an_unbounded_node_refuses_to_load),
        TEST(every_prefix_of_every_module_is_refused),
        TEST(damaged_modules_do_no_harm),
        TEST(broken_name_section_is_ignored),
        TEST(every_allocation_may_fail),
        TEST(a_storm_of_growing_is_answered),
        TEST(a_storm_of_growing_ends_with_its_budget),
        TEST(growing_in_a_full_arena_is_refused),
        TEST(what_a_module_needs_is_known_before),
        TEST(every_arena_size_fails_cleanly),
        TEST(wasm_bytes_are_not_needed_after_load),
        TEST(a_hundred_thousand_loads_drift_by_nothing),
        TEST(two_modules_live_side_by_side),
        TEST(unload_is_safe_on_nothing),
        TEST(error_pointers_are_constant),
    };
    return cmocka_run_group_tests_name("runtime_load", tests, NULL, NULL);
}
