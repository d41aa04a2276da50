/* What a loaded module may do, and where it is stopped. */
#include "runtime_fixture.h"

static wm_status start(void) {
    return runtime_start(&rt, why, sizeof why);
}

static wm_status tick(void) {
    return runtime_on_tick(&rt, 99, why, sizeof why);
}

/* ---- events ------------------------------------------------------------------------------ */

static void a_sample_reaches_the_guest_and_comes_back(void **state) {
    (void)state;
    const float values[3] = {1.0f, -0.0f, 3.25f};
    ASSERT_LOADS(echo);
    assert_int_equal(start(), WM_OK);
    assert_int_equal(runtime_on_sample(&rt, 0, -5, values, 3, why, sizeof why), WM_OK);
    assert_int_equal(seen.emits, 1);
    assert_int_equal(seen.len, sizeof values);
    assert_memory_equal(seen.bytes, values, sizeof values);
}

static void config_reaches_the_guest(void **state) {
    (void)state;
    ASSERT_LOADS(echo);
    assert_int_equal(runtime_on_config(&rt, (const uint8_t *)"\xa1\x61k\x01", 4, why, sizeof why),
                     WM_OK);
    assert_int_equal(seen.stream, 1);
    assert_memory_equal(seen.bytes, "\xa1\x61k\x01", 4);
}

static void config_larger_than_the_buffer_is_refused(void **state) {
    (void)state;
    static const uint8_t large[600];
    ASSERT_LOADS(echo);
    assert_int_equal(runtime_on_config(&rt, large, sizeof large, why, sizeof why), WM_EINVAL);
    assert_string_equal(why, "wasmote_buffer gave no room for 600 bytes");
    assert_int_equal(sample(0), WM_OK); /* no trap: it goes on */
}

static void sample_larger_than_the_buffer_is_refused(void **state) {
    (void)state;
    static const float many[17];
    ASSERT_LOADS(echo);
    assert_int_equal(runtime_on_sample(&rt, 0, 0, many, 17, why, sizeof why), WM_EINVAL);
    assert_int_equal(seen.emits, 0);
}

static void every_host_function_gets_and_gives_its_types(void **state) {
    (void)state;
    const float reading[2] = {1.5f, 3.0f};
    const int64_t now = -1000;
    const double gain = 0.5;
    ASSERT_LOADS(host_calls);
    assert_int_equal(start(), WM_OK);
    assert_int_equal(seen.emits, 2);
    assert_int_equal(word(seen.earlier, 0), 2);
    assert_memory_equal(seen.earlier + 5, reading, sizeof reading);
    assert_memory_equal(seen.bytes, &now, 8);
    assert_memory_equal(seen.bytes + 8, &gain, 8);
    assert_int_equal(word(seen.bytes, 4), 0x5a5a5a5a);
    assert_int_equal(seen.log_level, 2);
    assert_string_equal(seen.text, "hello");
}

static void absent_exports_are_fine(void **state) {
    (void)state;
    ASSERT_LOADS(echo);
    assert_false(runtime_wants_tick(&rt));
    assert_int_equal(tick(), WM_OK);
}

static void state_is_the_guests_own_memory(void **state) {
    (void)state;
    size_t len;
    ASSERT_LOADS(echo);
    uint8_t *bytes = runtime_state(&rt, &len);
    assert_int_equal(len, 16);
    bytes[0] = 41;
    assert_int_equal(sample(0), WM_OK);
    assert_int_equal(runtime_state(&rt, &len)[0], 42);
    assert_memory_equal(runtime_state(&rt, &len) + 8, "state", 5);
}

static void a_module_without_state_has_none(void **state) {
    (void)state;
    size_t len = 7;
    ASSERT_LOADS(spin);
    assert_null(runtime_state(&rt, &len));
    assert_int_equal(len, 0);
}

/* ---- start ------------------------------------------------------------------------------- */

static void load_runs_no_start_function(void **state) {
    (void)state;
    size_t len;
    ASSERT_LOADS(start);
    assert_int_equal(runtime_state(&rt, &len)[0], 0);
}

static void start_function_zero_runs(void **state) {
    (void)state;
    size_t len;
    ASSERT_LOADS(start);
    assert_int_equal(start(), WM_OK);
    assert_int_equal(runtime_state(&rt, &len)[0], 7);
}

/* ---- memory (patches 0001 and 0006) ------------------------------------------------------ */

static void page_size_is_16_kib(void **state) {
    (void)state;
    struct runtime_usage usage;
    ASSERT_LOADS(echo);
    runtime_usage(&rt, &usage);
    assert_int_equal(usage.memory_bytes, RUNTIME_PAGE_BYTES);
    assert_in_range(usage.arena_bytes, RUNTIME_PAGE_BYTES, RUNTIME_PAGE_BYTES + 12 * 1024);
}

static void memory_grows_to_the_limit_only(void **state) {
    (void)state;
    struct runtime_usage before, after;
    ASSERT_LOADS(memory);
    runtime_usage(&rt, &before);
    assert_int_equal(start(), WM_OK);
    const uint32_t expected[6] = {1, UINT32_MAX, 1, 2, UINT32_MAX, 3};
    assert_memory_equal(seen.bytes, expected, sizeof expected);
    runtime_usage(&rt, &after);
    assert_int_equal(after.memory_bytes, 3 * RUNTIME_PAGE_BYTES);
    assert_int_equal(after.arena_bytes - before.arena_bytes, 2 * RUNTIME_PAGE_BYTES);
    assert_int_equal(tick(), WM_ETRAP);
    assert_string_equal(why, "out of bounds memory access in on_tick");
}

/* Its last page is partly absent: nothing can follow it. */
static void a_trimmed_memory_does_not_grow(void **state) {
    (void)state;
    struct runtime_limits trimmed = limits;
    struct runtime_usage usage;
    trimmed.memory_bytes = 12000;
    assert_int_equal(load_with(wasm_memory, sizeof wasm_memory, &trimmed), WM_OK);
    assert_int_equal(start(), WM_ETRAP); /* on the third page */
    runtime_usage(&rt, &usage);
    assert_int_equal(usage.memory_bytes, 12000);
}

static void memory_grow_refuses_to_shrink(void **state) {
    (void)state;
    ASSERT_LOADS(memory);
    assert_int_equal(start(), WM_OK);
    assert_int_equal(word(seen.bytes, 1), UINT32_MAX); /* memory.grow(-1) */
    assert_int_equal(word(seen.bytes, 2), 1);          /* the size is still one page */
}

/* ---- traps ------------------------------------------------------------------------------- */

static void traps_say_what_and_where(void **state) {
    (void)state;
    static const char *const sentences[] = {
        "unreachable executed in on_sample",
        "out of bounds memory access in on_sample",
        "integer divide by zero in on_sample",
        "host call with a view outside linear memory in on_sample",
        "host call with a view outside linear memory in on_sample",
        "host call with a view outside linear memory in on_sample",
        "host call with a view outside linear memory in on_sample",
    };
    for (uint32_t input = 0; input < 7; input++) {
        ASSERT_LOADS(traps);
        assert_int_equal(sample(input), WM_ETRAP);
        assert_string_equal(why, sentences[input]);
        assert_int_equal(seen.emits + seen.logs, 0);
        runtime_unload(&rt);
    }
}

static void a_view_of_all_memory_is_allowed(void **state) {
    (void)state;
    ASSERT_LOADS(traps);
    assert_int_equal(sample(7), WM_OK);
    assert_int_equal(seen.emits, 2);
    assert_int_equal(seen.earlier_len, RUNTIME_PAGE_BYTES);
}

static void the_host_can_trap_the_guest(void **state) {
    (void)state;
    ASSERT_LOADS(echo);
    seen.emit_answer = WM_ETRAP;
    assert_int_equal(sample(0), WM_ETRAP);
    assert_string_equal(why, "host call that is not allowed here in on_sample");
}

static void after_a_trap_nothing_runs(void **state) {
    (void)state;
    ASSERT_LOADS(traps);
    assert_int_equal(sample(0), WM_ETRAP);
    assert_int_equal(sample(7), WM_ETRAP);
    assert_int_equal(seen.emits, 0);
    assert_string_equal(why, "it has trapped before and must be loaded again");
}

/* ---- bounds (patches 0003, 0004 and 0008) ------------------------------------------------ */

static void assert_over_budget(wm_status status, uint64_t began) {
    assert_int_equal(status, WM_EBUDGET);
    assert_in_range(clock_us - began, limits.budget_us, limits.budget_us + 2 * CLOCK_STEP_US);
}

static void endless_loop_is_stopped(void **state) {
    (void)state;
    ASSERT_LOADS(spin);
    assert_over_budget(start(), clock_us);
    assert_string_equal(why, "time budget exceeded in on_start: more than 50000 us");
    runtime_unload(&rt);
    ASSERT_LOADS(spin);
    assert_over_budget(tick(), clock_us);
    runtime_unload(&rt);
    ASSERT_LOADS(spin);
    assert_over_budget(sample(0), clock_us);
}

static void endless_recursion_through_calls_is_stopped(void **state) {
    (void)state;
    ASSERT_LOADS(calls);
    assert_over_budget(start(), clock_us);
}

/* A Wasm stack that would let the recursion go on far below the native limit. */
static void assert_recursion_stays_above(const uint8_t *lowest, wm_status (*event)(void)) {
    const struct runtime_limits wide = {
        .memory_pages = 1, .stack_bytes = 32768, .budget_us = UINT32_MAX, .sample_bytes = 8};
    runtime_set_native_stack(lowest);
    assert_int_equal(load_with(wasm_calls, sizeof wasm_calls, &wide), WM_OK);
    assert_int_equal(event(), WM_ETRAP);
    assert_memory_equal(why, "stack overflow in on_", 21);
    assert_true((const uint8_t *)seen.lowest_stack >= lowest);
    runtime_unload(&rt);
}

static wm_status sample_event(void) {
    return sample(0);
}

static void deep_recursion_traps(void **state) {
    (void)state;
    const uint8_t *lowest = (const uint8_t *)__builtin_frame_address(0) - 24 * 1024;
    assert_recursion_stays_above(lowest, tick);
    assert_recursion_stays_above(lowest, sample_event); /* four nested loops a call */
}

static void the_operand_stack_is_bounded_too(void **state) {
    (void)state;
    ASSERT_LOADS(calls);
    assert_int_equal(tick(), WM_ETRAP);
    assert_string_equal(why, "stack overflow in on_tick");
}

/* The smallest stack that a module may ask for cannot hold 60 arguments: a trap, not an overflow
 * (which the address sanitizer, or the next block's header, would show). */
static void many_arguments_stay_on_the_stack(void **state) {
    (void)state;
    struct runtime_limits small = limits;
    ASSERT_LOADS(many_arguments);
    assert_int_equal(start(), WM_OK);
    runtime_unload(&rt);
    for (small.stack_bytes = 256; small.stack_bytes < 1024; small.stack_bytes += 8) {
        assert_int_equal(load_with(wasm_many_arguments, sizeof wasm_many_arguments, &small), WM_OK);
        const wm_status status = start();
        if (small.stack_bytes < 60 * 4 + 4 * sizeof(void *)) { /* 60 slots, the links of two frames */
            assert_int_equal(status, WM_ETRAP);
        }
        runtime_unload(&rt);
        assert_int_equal(runtime_arena_free(), sizeof arena_bytes);
    }
}

/* ---- compilation  ------------------------------------------------------------ */

static void a_branch_with_a_float_drops_what_is_below(void **state) {
    (void)state;
    const float expected = 2.5f;
    ASSERT_LOADS(fp_block_result);
    assert_int_equal(start(), WM_OK);
    assert_int_equal(seen.len, 4);
    assert_memory_equal(seen.bytes, &expected, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_sample_reaches_the_guest_and_comes_back),
        TEST(config_reaches_the_guest),
        TEST(config_larger_than_the_buffer_is_refused),
        TEST(sample_larger_than_the_buffer_is_refused),
        TEST(every_host_function_gets_and_gives_its_types),
        TEST(absent_exports_are_fine),
        TEST(state_is_the_guests_own_memory),
        TEST(a_module_without_state_has_none),
        TEST(load_runs_no_start_function),
        TEST(start_function_zero_runs),
        TEST(page_size_is_16_kib),
        TEST(memory_grows_to_the_limit_only),
        TEST(a_trimmed_memory_does_not_grow),
        TEST(memory_grow_refuses_to_shrink),
        TEST(traps_say_what_and_where),
        TEST(a_view_of_all_memory_is_allowed),
        TEST(the_host_can_trap_the_guest),
        TEST(after_a_trap_nothing_runs),
        TEST(endless_loop_is_stopped),
        TEST(endless_recursion_through_calls_is_stopped),
        TEST(deep_recursion_traps),
        TEST(the_operand_stack_is_bounded_too),
        TEST(many_arguments_stay_on_the_stack),
        TEST(a_branch_with_a_float_drops_what_is_below),
    };
    return cmocka_run_group_tests_name("runtime", tests, NULL, NULL);
}
