/* Modules that would keep the node to themselves: stopped within their budget and a tenth, every time.
 */
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(long_bodies_are_stopped_in_time),
    };
    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
