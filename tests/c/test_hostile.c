/* Modules that would keep the node to themselves: stopped within their budget and a tenth, every time.
 */
#include "machine/machine.h"
#include "runtime_fixture.h"

/* The clock that the guest moves itself: microseconds of work done. */
static const uint8_t *work;
static uint64_t before_load;

static uint64_t clock_of_work(void) {
    return before_load + (work != NULL ? word(work, 0) : 0);
}

static wm_status load_stretch(uint32_t budget_us) {
    struct runtime_limits use = limits;
    size_t len;
    use.budget_us = budget_us;
    work = NULL;
    runtime_set_clock(clock_of_work);
    const wm_status status = load_with(wasm_stretch, sizeof wasm_stretch, &use);
    work = runtime_state(&rt, &len);
    return status;
}

static wm_status run_event(unsigned event) {
    switch (event) {
    case 0:
        return runtime_start(&rt, why, sizeof why);
    case 1:
        return runtime_on_tick(&rt, 0, why, sizeof why);
    case 2:
        return runtime_on_config(&rt, (const uint8_t *)"\xa0", 1, why, sizeof why);
    default:
        return sample(0);
    }
}

/* 1000 of 1000, budgets of 1 to 51 ms. */
static void long_bodies_are_stopped_in_time(void **state) {
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        const uint32_t budget_us = 1000 + i * 50;
        if (load_stretch(budget_us) != WM_OK) {
            fail_msg("%s", why);
        }
        assert_int_equal(run_event(i % 4), WM_EBUDGET);
        assert_in_range(word(work, 0), budget_us, budget_us + budget_us / 10);
        runtime_unload(&rt);
    }
}

/* ---- many bytes at once ------------------------------------------------------------------------- */

#define MEMORY 49152u
#define MOVED 0x55
#define BYTES_PER_US 16 /* MACHINE_BULK in the 64 us that a unit is reckoned as */

static uint8_t *bulk_memory;
static uint32_t bulk_from, bulk_to; /* where the bytes are counted that have been moved */

static uint32_t moved(void) {
    uint32_t count = 0;
    for (uint32_t i = bulk_from; i < bulk_to; i++) {
        count += bulk_memory[i] == MOVED;
    }
    return count;
}

static uint64_t clock_of_bytes(void) {
    return before_load + (bulk_memory != NULL ? moved() / BYTES_PER_US : 0);
}

static void load_bulk(uint32_t budget_us) {
    struct runtime_limits use = limits;
    size_t len;
    use.budget_us = budget_us;
    bulk_memory = NULL;
    runtime_set_clock(clock_of_bytes);
    if (load_with(wasm_bulk, sizeof wasm_bulk, &use) != WM_OK) {
        fail_msg("%s", why);
    }
    bulk_memory = runtime_state(&rt, &len);
    assert_int_equal(len, MEMORY);
}

static wm_status copy_bytes(uint32_t to, uint32_t from, uint32_t count) {
    return runtime_on_tick(&rt, (int64_t)((uint64_t)count << 32 | from << 16 | to), why, sizeof why);
}

static wm_status fill_bytes(uint32_t to, uint32_t count) {
    static const float none[1];
    return runtime_on_sample(&rt, to, (int64_t)count, none, 0, why, sizeof why);
}

static void assert_stopped_at(uint32_t budget_us) {
    assert_in_range(moved(), budget_us * BYTES_PER_US, budget_us * BYTES_PER_US + MACHINE_BULK);
    runtime_unload(&rt);
}

/* In the middle of a single instruction, from its front or, where the source would be hit, its end. */
static void moving_bytes_is_stopped_in_time(void **state) {
    (void)state;
    for (uint32_t budget_us = 1; budget_us < 1400; budget_us += 37) {
        bulk_from = 1024, bulk_to = MEMORY;
        load_bulk(budget_us);
        assert_int_equal(fill_bytes(1024, MEMORY - 1024), WM_EBUDGET);
        assert_stopped_at(budget_us);

        bulk_from = 1024, bulk_to = MEMORY / 2;
        load_bulk(budget_us);
        memset(bulk_memory + MEMORY / 2, MOVED, MEMORY / 2);
        assert_int_equal(copy_bytes(1024, MEMORY / 2, MEMORY / 2 - 1024), WM_EBUDGET);
        assert_stopped_at(budget_us);

        bulk_from = MEMORY / 2, bulk_to = MEMORY;
        load_bulk(budget_us);
        memset(bulk_memory, MOVED, MEMORY / 2);
        assert_int_equal(copy_bytes(MEMORY / 2, 0, MEMORY / 2), WM_EBUDGET);
        assert_stopped_at(budget_us);
    }
}

static void fill_with_pattern(uint8_t *bytes) {
    for (uint32_t i = 0; i < MEMORY; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    }
}

/* As if it were moved at once, however the two overlap. */
static void bytes_are_moved_whole(void **state) {
    static const uint32_t places[] = {0, 1, 3, 1023, 1024, 1025, 2048, 5000, MEMORY - 5000};
    static const uint32_t counts[] = {0, 1, 1023, 1024, 1025, 2047, 2048, 3001, 5000};
    static uint8_t expected[MEMORY];
    (void)state;
    bulk_from = bulk_to = 0;
    load_bulk(1000);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        for (size_t j = 0; j < sizeof places / sizeof *places; j++) {
            for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
                fill_with_pattern(bulk_memory);
                fill_with_pattern(expected);
                memmove(expected + places[i], expected + places[j], counts[k]);
                assert_int_equal(copy_bytes(places[i], places[j], counts[k]), WM_OK);
                assert_memory_equal(bulk_memory, expected, MEMORY);
                memset(expected + places[i], MOVED, counts[k]);
                assert_int_equal(fill_bytes(places[i], counts[k]), WM_OK);
                assert_memory_equal(bulk_memory, expected, MEMORY);
            }
        }
    }
}

/* Beyond the memory by one byte: a trap, and not one byte of it is written. */
static void nothing_is_moved_out_of_bounds(void **state) {
    static uint8_t expected[MEMORY];
    (void)state;
    bulk_from = bulk_to = 0;
    for (unsigned way = 0; way < 3; way++) {
        load_bulk(1000);
        fill_with_pattern(bulk_memory);
        fill_with_pattern(expected);
        const wm_status status = way == 0   ? fill_bytes(MEMORY - 5000, 5001)
                                 : way == 1 ? copy_bytes(MEMORY - 5000, 0, 5001)
                                            : copy_bytes(0, MEMORY - 5000, 5001);
        assert_int_equal(status, WM_ETRAP);
        assert_non_null(strstr(why, "out of bounds"));
        assert_memory_equal(bulk_memory, expected, MEMORY);
        runtime_unload(&rt);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(long_bodies_are_stopped_in_time),
        TEST(moving_bytes_is_stopped_in_time),
        TEST(bytes_are_moved_whole),
        TEST(nothing_is_moved_out_of_bounds),
    };
    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
