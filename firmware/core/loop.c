#include "core/loop.h"

#include <stddef.h>

#include "hal.h"

static volatile uint32_t pending; /* bit per loop_event; written by interrupts too */
static void (*handlers[EVENT_COUNT])(void);
static struct loop_timer *timers; /* armed ones, earliest first */
static uint64_t asleep_us;        /* in all */

HAL_RAMCODE void loop_post(loop_event event) {
    uint32_t state = hal_irq_lock();
    pending |= 1u << event;
    hal_irq_unlock(state);
}

void loop_on(loop_event event, void (*handler)(void)) {
    handlers[event] = handler;
}

void loop_timer_cancel(struct loop_timer *timer) {
    if (!timer->armed)
        return;
    struct loop_timer **link = &timers;
    while (*link != timer)
        link = &(*link)->next;
    *link = timer->next;
    timer->armed = false;
}

void loop_timer_at(struct loop_timer *timer, uint64_t at_us, void (*fire)(void *), void *arg) {
    loop_timer_cancel(timer);
    timer->at_us = at_us;
    timer->fire = fire;
    timer->arg = arg;
    timer->armed = true;
    struct loop_timer **link = &timers;
    while (*link && (*link)->at_us <= at_us)
        link = &(*link)->next;
    timer->next = *link;
    *link = timer;
}

void loop_timer_every(struct loop_timer *timer, uint64_t period_us, void (*fire)(void *), void *arg) {
    uint64_t now = hal_now_us();
    uint64_t at = timer->fire == fire ? timer->at_us + period_us : now + period_us;
    if (at <= now)
        at += (now - at) / period_us * period_us + period_us;
    loop_timer_at(timer, at, fire, arg);
}

static void run_pending(void) {
    uint32_t state = hal_irq_lock();
    uint32_t events = pending;
    pending = 0;
    hal_irq_unlock(state);
    for (unsigned event = 0; event < EVENT_COUNT; event++)
        if ((events >> event & 1u) && handlers[event])
            handlers[event]();
}

/* Only what was due on entry: a timer that re-arms itself for "now" cannot starve the events. */
static void run_due(void) {
    uint64_t now = hal_now_us();
    while (timers && timers->at_us <= now) {
        struct loop_timer *timer = timers;
        timers = timer->next;
        timer->armed = false;
        timer->fire(timer->arg);
    }
}

/* The watchdog must be fed even when nothing happens, so the loop never sleeps longer than this. */
#define IDLE_MAX_US 500000u

static void sleep_until_next(void) {
    uint64_t until = hal_now_us() + IDLE_MAX_US;
    if (timers && timers->at_us < until)
        until = timers->at_us;
    uint32_t state = hal_irq_lock();
    if (!pending) {
        uint64_t from = hal_now_us();
        hal_idle(until);
        asleep_us += hal_now_us() - from; /* before the interrupt that woke us is served */
    }
    hal_irq_unlock(state);
}

uint64_t loop_busy_us(void) {
    return hal_now_us() - asleep_us;
}

void loop_run_once(void) {
    hal_watchdog_feed();
    run_pending();
    run_due();
    sleep_until_next();
}
