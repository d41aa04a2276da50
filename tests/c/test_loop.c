/* The event loop: order of timers, events posted from handlers, and no starvation. */
#include "cmocka_all.h"

#include <string.h>

#include "core/loop.h"
#include "fake_hal.h"

static char trace[32];
static size_t traced;

static int setup(void **state) {
    (void)state;
    fake_reset();
    traced = 0;
    return 0;
}

static void note(void *arg) {
    assert_true(traced < sizeof trace - 1);
    trace[traced++] = *(const char *)arg;
    trace[traced] = 0;
}

static struct loop_timer timers[4];

static void arm(int timer, uint64_t after_us, const char *letter) {
    loop_timer_at(&timers[timer], hal_now_us() + after_us, note, (void *)letter);
}

static void timers_fire_in_order_of_time(void **state) {
    (void)state;
    arm(0, 300, "c");
    arm(1, 100, "a");
    arm(2, 200, "b");
    arm(3, 200, "B"); /* same time: first come, first served */
    fake_advance_us(250);
    assert_string_equal(trace, "abB");
    fake_advance_us(50);
    assert_string_equal(trace, "abBc");
    assert_false(timers[0].armed);
}

static void a_timer_can_be_moved_and_cancelled(void **state) {
    (void)state;
    arm(0, 100, "a");
    arm(1, 200, "b");
    arm(2, 300, "c");
    arm(0, 400, "a");
    loop_timer_cancel(&timers[1]);
    loop_timer_cancel(&timers[1]); /* twice is once */
    fake_advance_us(1000);
    assert_string_equal(trace, "ca");
}

static uint64_t last_fired;

static void count_turn(void *arg) {
    (void)arg;
    last_fired = hal_now_us();
    loop_timer_every(&timers[0], 100, count_turn, NULL);
    traced++;
}

static void missed_turns_are_not_made_up_for(void **state) {
    (void)state;
    uint64_t began = last_fired = hal_now_us();
    loop_timer_every(&timers[0], 100, count_turn, NULL);
    fake_advance_us(300);
    assert_int_equal(traced, 3);
    fake_jump_us(10050); /* the loop does not run meanwhile */
    assert_int_equal(traced, 4);
    fake_advance_us(50);
    assert_int_equal(traced, 5);
    assert_int_equal((last_fired - began) % 100, 0); /* in its rhythm again */
    loop_timer_cancel(&timers[0]);
}

static void rearm_for_now(void *arg) {
    note(arg);
    if (traced < 5)
        loop_timer_at(&timers[0], hal_now_us(), rearm_for_now, arg);
}

static void uart_event(void) {
    static const char letter = 'u';
    note((void *)&letter);
}

static void a_timer_that_is_always_due_does_not_starve_events(void **state) {
    (void)state;
    static const char letter = 't';
    loop_on(EVENT_UART, uart_event);
    loop_timer_at(&timers[0], hal_now_us(), rearm_for_now, (void *)&letter);
    loop_run_once();
    loop_post(EVENT_UART);
    loop_run_once();
    assert_non_null(strchr(trace, 'u'));
    loop_timer_cancel(&timers[0]);
    loop_on(EVENT_UART, NULL);
}

static unsigned work_left;

static void work(void) {
    static const char letter = 'w';
    note((void *)&letter);
    if (--work_left)
        loop_post(EVENT_WORK);
}

static void an_event_posted_by_its_handler_gets_another_turn(void **state) {
    (void)state;
    work_left = 3;
    loop_on(EVENT_WORK, work);
    loop_post(EVENT_WORK);
    loop_post(EVENT_WORK); /* twice before it is handled is one */
    fake_settle();
    assert_string_equal(trace, "www");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(timers_fire_in_order_of_time, setup),
        cmocka_unit_test_setup(a_timer_can_be_moved_and_cancelled, setup),
        cmocka_unit_test_setup(missed_turns_are_not_made_up_for, setup),
        cmocka_unit_test_setup(a_timer_that_is_always_due_does_not_starve_events, setup),
        cmocka_unit_test_setup(an_event_posted_by_its_handler_gets_another_turn, setup),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
