/* Interrupts of the native board: there is one, the alarm, and it is a signal. While interrupts are
 * locked the handler only notes that it came. The signal comes by this machine's clock, of which the
 * board's may be behind (hal.c): then it is asked for once more. */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "native.h"

static timer_t timer;
static uint64_t due_us = HAL_NEVER;
static void (*on_due)(void);
static volatile sig_atomic_t locked, came;

static void arm(void) {
    uint64_t now = hal_now_us();
    uint64_t us = due_us > now ? due_us - now : 0;
    struct itimerspec after = {
        .it_value = {.tv_sec = (time_t)(us / 1000000u), .tv_nsec = (long)(us % 1000000u) * 1000 + 1}};
    if (due_us == HAL_NEVER)
        after = (struct itimerspec){{0}, {0}}; /* stops it */
    timer_settime(timer, 0, &after, NULL);
}

/* With interrupts locked, so that nothing nests. It may have been moved meanwhile, too. */
static void ring(void) {
    void (*fire)(void) = on_due;
    if (due_us > hal_now_us()) {
        arm();
        return;
    }
    due_us = HAL_NEVER;
    fire();
}

static void on_alarm(int number) {
    (void)number;
    int error = errno;
    came = 1;
    hal_irq_unlock(hal_irq_lock());
    errno = error;
}

/* A restart ends the timer. The handler may interrupt whatever runs on the stack's last bytes. */
void native_alarm_start(void) {
    static uint8_t stack[64 * 1024];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm, .sa_flags = SA_RESTART | SA_ONSTACK},
              NULL);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
        native_die("timer_create");
}

uint64_t native_alarm_us(void) {
    return due_us;
}

void hal_alarm_at(uint64_t at_us, void (*fire)(void)) {
    uint32_t state = hal_irq_lock();
    due_us = at_us;
    on_due = fire;
    arm();
    hal_irq_unlock(state);
}

uint32_t hal_irq_lock(void) {
    uint32_t state = (uint32_t)locked;
    locked = 1;
    return state;
}

/* One that comes before `locked` is 0 again is found here, one that comes later finds it so. */
void hal_irq_unlock(uint32_t state) {
    locked = (sig_atomic_t)state;
    while (!locked && came) {
        locked = 1;
        came = 0;
        ring();
        locked = 0;
    }
}
