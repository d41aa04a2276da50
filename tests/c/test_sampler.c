/* Readings in a fixed rhythm: each with its time, kept until the loop asks, and counted when there is
 * none. */
#include "cmocka_all.h"

#include "config.h"
#include "core/loop.h"
#include "hal.h"
#include "node/sampler.h"

/* ---- a board: time goes from alarm to alarm ------------------------------------------------ */

static uint64_t now_us, alarm_us;
static void (*alarm_fire)(void);
static unsigned posted;
static bool converter_is_dead;

uint64_t hal_now_us(void) {
    return now_us;
}

uint32_t hal_irq_lock(void) {
    return 0;
}

void hal_irq_unlock(uint32_t state) {
    (void)state;
}

void hal_alarm_at(uint64_t at_us, void (*fire)(void)) {
    alarm_us = at_us;
    alarm_fire = fire;
}

void loop_post(loop_event event) {
    assert_int_equal(event, EVENT_SAMPLE);
    posted++;
}

wm_status hal_sensor_take(size_t index, hal_raw *raw) {
    raw->word[0] = (uint32_t)index;
    raw->word[1] = (uint32_t)now_us;
    return converter_is_dead ? WM_EIO : WM_OK;
}

static void ring(void) {
    alarm_us = HAL_NEVER;
    alarm_fire();
}

/* Interrupts are taken on time, whatever the loop does. */
static void pass_ms(uint64_t ms) {
    uint64_t end = now_us + ms * 1000;
    while (alarm_us <= end) {
        now_us = alarm_us > now_us ? alarm_us : now_us;
        ring();
    }
    now_us = end;
}

/* Interrupts are locked for so long. */
static void stall_ms(uint64_t ms) {
    now_us += ms * 1000;
    while (alarm_us <= now_us)
        ring();
}

/* ---- each test begins long before a reading is due ------------------------------------------ */

#define SLOW_MS 3600000u

static struct sample sample;

static unsigned drain(void) {
    unsigned count = 0;
    while (sampler_next(&sample))
        count++;
    return count;
}

static int setup(void **state) {
    (void)state;
    converter_is_dead = false;
    for (size_t sensor = 0; sensor < 2; sensor++)
        sampler_pace(sensor, SLOW_MS);
    pass_ms(1000); /* what was due before, and then nothing for an hour */
    drain();
    posted = 0;
    return 0;
}

static void a_reading_has_the_time_at_which_it_was_taken(void **state) {
    (void)state;
    sampler_pace(0, 10);
    uint64_t began = now_us;
    pass_ms(50); /* the loop does not look meanwhile */
    assert_int_equal(posted, 5);
    for (unsigned i = 1; i <= 5; i++) {
        assert_true(sampler_has_next());
        assert_true(sampler_next(&sample));
        assert_int_equal(sample.sensor, 0);
        assert_int_equal(sample.time_us, began + i * 10000);
        assert_int_equal(sample.raw.word[1], (uint32_t)sample.time_us);
    }
    assert_false(sampler_has_next());
    assert_false(sampler_next(&sample));
}

static void a_time_of_more_than_32_bits_is_kept(void **state) {
    (void)state;
    stall_ms((UINT64_C(3) << 32) / 1000);
    drain();
    sampler_pace(0, 10);
    pass_ms(10);
    assert_true(sampler_next(&sample));
    assert_int_equal(sample.time_us, now_us);
}

/* A reading waits in the queue while the 48 bits that are kept of its time begin anew. */
static void a_time_of_more_than_48_bits_is_kept(void **state) {
    (void)state;
    uint64_t end = UINT64_C(1) << 48;
    stall_ms((end - now_us) / 1000 - 5);
    drain();
    sampler_pace(0, 10);
    uint64_t began = now_us;
    pass_ms(30);
    for (unsigned i = 1; i <= 3; i++) {
        assert_true(sampler_next(&sample));
        assert_int_equal(sample.time_us, began + i * 10000);
    }
    assert_true(began < end && sample.time_us > end);
}

static void sensors_have_rhythms_of_their_own(void **state) {
    (void)state;
    unsigned count[2] = {0, 0};
    sampler_pace(0, 10);
    sampler_pace(1, 25);
    pass_ms(100);
    while (sampler_next(&sample)) {
        assert_int_equal(sample.raw.word[0], sample.sensor);
        count[sample.sensor]++;
    }
    assert_int_equal(count[0], 10);
    assert_int_equal(count[1], 4);
}

static void a_late_interrupt_does_not_shift_the_rhythm(void **state) {
    (void)state;
    sampler_pace(0, 10);
    uint64_t began = now_us;
    uint32_t lost = sampler_lost(0);
    stall_ms(14);
    pass_ms(6);
    assert_true(sampler_next(&sample));
    assert_int_equal(sample.time_us, began + 14000);
    assert_true(sampler_next(&sample));
    assert_int_equal(sample.time_us, began + 20000);
    assert_int_equal(sampler_lost(0), lost);
}

static void periods_without_an_interrupt_are_counted(void **state) {
    (void)state;
    sampler_pace(0, 10);
    uint32_t lost = sampler_lost(0);
    stall_ms(45); /* due at 10, 20, 30 and 40: one is taken at 45 */
    pass_ms(5);
    assert_int_equal(drain(), 2);
    assert_int_equal(sampler_lost(0), lost + 3);
}

static void what_the_queue_has_no_room_for_is_counted(void **state) {
    (void)state;
    sampler_pace(0, 1);
    uint32_t lost = sampler_lost(0);
    uint64_t began = now_us;
    pass_ms(SAMPLER_QUEUE + 20);
    assert_true(sampler_next(&sample));
    assert_int_equal(sample.time_us, began + 1000); /* the oldest stay */
    assert_int_equal(drain(), SAMPLER_QUEUE - 1);
    assert_int_equal(sampler_lost(0), lost + 20);
    pass_ms(1);
    assert_int_equal(drain(), 1);
}

static void what_waits_is_told_and_the_most_that_did(void **state) {
    (void)state;
    sampler_pace(0, 10);
    pass_ms(50);
    assert_int_equal(sampler_waiting(), 5);
    assert_true(sampler_next(&sample));
    assert_int_equal(sampler_waiting(), 4);
    assert_int_equal(drain(), 4);
    assert_int_equal(sampler_waiting(), 0);
    assert_int_equal(sampler_most_waiting(), SAMPLER_QUEUE); /* in a test before this one */
}

static void what_comes_in_a_time_is_the_sum_of_all_rhythms(void **state) {
    (void)state;
    assert_int_equal(sampler_readings_in(2000), 2); /* one of each may fall due just then */
    sampler_pace(0, 10);
    sampler_pace(1, 8);
    assert_int_equal(sampler_readings_in(2000), 200 + 250);
    assert_int_equal(sampler_readings_in(9), 1 + 2);
    sampler_pace(1, 1);
    assert_int_equal(sampler_readings_in(UINT32_MAX), UINT32_MAX);
}

static void a_converter_that_does_not_answer_is_counted(void **state) {
    (void)state;
    sampler_pace(0, 10);
    uint32_t lost = sampler_lost(0), other = sampler_lost(1);
    converter_is_dead = true;
    pass_ms(30);
    assert_int_equal(drain(), 0);
    assert_int_equal(sampler_lost(0), lost + 3);
    assert_int_equal(sampler_lost(1), other);
}

static void asking_for_the_same_pace_again_changes_nothing(void **state) {
    (void)state;
    sampler_pace(0, 10);
    uint64_t began = now_us;
    for (unsigned i = 0; i < 4; i++) {
        pass_ms(5);
        sampler_pace(0, 10);
    }
    assert_true(sampler_next(&sample));
    assert_int_equal(sample.time_us, began + 10000);
    assert_int_equal(drain(), 1);
}

static void a_faster_pace_does_not_wait_for_the_slower_one(void **state) {
    (void)state;
    sampler_pace(0, 1000);
    pass_ms(100);
    sampler_pace(0, 10);
    pass_ms(10);
    assert_int_equal(drain(), 1);
    sampler_pace(0, 1000); /* from the next reading on */
    pass_ms(1010);
    assert_int_equal(drain(), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_reading_has_the_time_at_which_it_was_taken, setup),
        cmocka_unit_test_setup(sensors_have_rhythms_of_their_own, setup),
        cmocka_unit_test_setup(a_late_interrupt_does_not_shift_the_rhythm, setup),
        cmocka_unit_test_setup(periods_without_an_interrupt_are_counted, setup),
        cmocka_unit_test_setup(what_the_queue_has_no_room_for_is_counted, setup),
        cmocka_unit_test_setup(what_waits_is_told_and_the_most_that_did, setup),
        cmocka_unit_test_setup(what_comes_in_a_time_is_the_sum_of_all_rhythms, setup),
        cmocka_unit_test_setup(a_converter_that_does_not_answer_is_counted, setup),
        cmocka_unit_test_setup(asking_for_the_same_pace_again_changes_nothing, setup),
        cmocka_unit_test_setup(a_faster_pace_does_not_wait_for_the_slower_one, setup),
        cmocka_unit_test_setup(a_time_of_more_than_32_bits_is_kept, setup),
        cmocka_unit_test_setup(a_time_of_more_than_48_bits_is_kept, setup),
    };
    return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
