/* The event loop. Interrupts move bytes and post one event; everything else happens here.
 *
 *     interrupt --loop_post--> pending bits --loop_run_once--> handler in thread context
 *     timers (sorted by time) ------------------^
 */
#ifndef WASMOTE_LOOP_H
#define WASMOTE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    EVENT_SAMPLE, /* readings wait (node/sampler.h) */
    EVENT_UART,   /* bytes arrived, or room appeared in the transmit ring */
    EVENT_UDP,    /* a datagram waits */
    EVENT_WORK,   /* something in thread context asked for another turn */
    EVENT_COUNT
} loop_event;

/* Marks an event as pending. HAL_RAMCODE; any. Posting twice before it is handled is one event. */
void loop_post(loop_event event);

/* Installs the handler of an event. Thread; once per event at start. */
void loop_on(loop_event event, void (*handler)(void));

struct loop_timer {
    struct loop_timer *next;
    uint64_t at_us;
    void (*fire)(void *arg);
    void *arg;
    bool armed;
};

/* (Re)arms a timer at an absolute hal_now_us() time. The struct is the caller's and must stay.
 * Thread. A fired timer is disarmed before its function runs, so it may re-arm itself. */
void loop_timer_at(struct loop_timer *timer, uint64_t at_us, void (*fire)(void *), void *arg);

/* (Re)arms a timer that fires every so often: it keeps its rhythm, from when it was due and not from
 * when it ran, but turns that were missed are not made up for - they could take for ever. */
void loop_timer_every(struct loop_timer *timer, uint64_t period_us, void (*fire)(void *), void *arg);
void loop_timer_cancel(struct loop_timer *timer);

/* Time since the start that was not spent asleep, us: what interrupts took while the loop slept is
 * counted too. Thread. */
uint64_t loop_busy_us(void);

/* Handles what is pending and due, then sleeps until the next event or timer, feeding the
 * watchdog each turn. Thread. */
void loop_run_once(void);

#endif
