/* Life, time and sleep of the native board. Nothing runs asynchronously but the watchdog and the alarm
 * (alarm.c): what else an interrupt would do is done in hal_idle() and hal_watchdog_feed(), that is once
 * a loop turn.
 *
 * Its time is what the process computed, which is processor time, and what it slept: while this machine
 * does something else, or a debugger has stopped it, no time passes on the board. So neither the
 * watchdog nor a module's time budget runs out for what is not the board's doing. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "core/loop.h"
#include "board_config.h"
#include "native.h"

static volatile sig_atomic_t terminated;
static sigset_t idle_signals; /* the mask while asleep: SIGTERM and SIGINT come through */
static uint64_t start_us;     /* of the process's time: a restart goes on with it */
static uint64_t asleep_us;
static uint64_t watchdog_us; /* 0: it does not run */
static uint64_t fed_us;

static uint64_t clock_us(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static void on_terminate(int number) {
    (void)number;
    terminated = 1;
}

static void on_watchdog(int number) {
    (void)number;
    native_restart(HAL_RESET_WATCHDOG);
}

/* SIGTERM is blocked but while asleep, so it cannot slip in between the check and ppoll(). The mask
 * and the interval timer survive a restart, hence both are set from scratch. */
static void install_signals(void) {
    setitimer(ITIMER_PROF, &(struct itimerval){{0}, {0}}, NULL);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    sigemptyset(&idle_signals);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_terminate}, NULL);
    sigaction(SIGINT, &(struct sigaction){.sa_handler = on_terminate}, NULL);
    sigaction(SIGPROF, &(struct sigaction){.sa_handler = on_watchdog}, NULL);
}

static void announce(const char *pty, int port) {
    printf("{\"board\": \"%s\", \"id\": \"", BOARD_NAME);
    for (size_t i = 0; i < native_options.id_len; i++)
        printf("%02x", native_options.id[i]);
    printf("\", \"pid\": %d, \"pty\": ", (int)getpid());
    printf(pty ? "\"%s\"" : "null", pty);
    printf(", \"udp\": ");
    printf(port >= 0 ? "%d}\n" : "null}\n", port);
    fflush(stdout);
}

void hal_init(void) {
    start_us = clock_us(CLOCK_PROCESS_CPUTIME_ID) - native_options.clock_us;
    install_signals();
    native_alarm_start();
    const char *pty = native_options.pty ? native_pty_open() : NULL;
    int port = native_options.udp_port >= 0 ? native_udp_open(native_options.udp_port) : -1;
    native_flash_open();
    native_prepare_restart();
    if (!native_is_restart())
        announce(pty, port);
}

uint64_t hal_now_us(void) {
    return clock_us(CLOCK_PROCESS_CPUTIME_ID) - start_us + asleep_us;
}

static uint64_t first_of(uint64_t one, uint64_t other) {
    return one < other ? one : other;
}

#define LATE_US 1000u /* what waking up from a sleep may take where a processor is free */

/* A sleep counts as long as it lasted, but not the time that this machine then was late. */
static int wait_for_bytes(struct pollfd files[2], uint64_t timeout_us) {
    struct timespec timeout = {.tv_sec = (time_t)(timeout_us / 1000000u),
                               .tv_nsec = (long)(timeout_us % 1000000u) * 1000};
    uint64_t from = clock_us(CLOCK_MONOTONIC) - clock_us(CLOCK_PROCESS_CPUTIME_ID);
    int ready = ppoll(files, 2, &timeout, &idle_signals);
    uint64_t until = clock_us(CLOCK_MONOTONIC) - clock_us(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t slept = until > from ? until - from : 0;
    asleep_us += slept > timeout_us && slept - timeout_us > LATE_US ? timeout_us + LATE_US : slept;
    return ready;
}

/* Moves bytes and posts events, waiting at most timeout_us for the first. */
static void pump(uint64_t timeout_us) {
    struct pollfd files[2] = {{.fd = native_files.pty_master, .events = native_pty_events()},
                              {.fd = native_files.udp, .events = POLLIN}};
    int ready = wait_for_bytes(files, timeout_us);
    if (terminated)
        exit(EXIT_SUCCESS);
    if (ready < 0 && errno != EINTR)
        native_die("ppoll");
    if (native_files.pty_master >= 0 && native_pty_pump(files[0].revents & POLLIN))
        loop_post(EVENT_UART);
    if (ready > 0 && (files[1].revents & POLLIN))
        loop_post(EVENT_UDP);
}

static uint64_t watchdog_bites_us(void) {
    return watchdog_us ? fed_us + watchdog_us : HAL_NEVER;
}

void hal_idle(uint64_t until_us) {
    uint64_t now = hal_now_us();
    uint64_t until = first_of(until_us, first_of(native_pty_deadline_us(), native_alarm_us()));
    until = first_of(until, watchdog_bites_us());
    pump(until > now ? until - now : 0);
    if (hal_now_us() >= watchdog_bites_us())
        native_restart(HAL_RESET_WATCHDOG);
}

/* It counts the board's time: a hang that computes ends with the interval timer, which counts processor
 * time, one that sleeps ends in hal_idle(). */
void hal_watchdog_start(uint32_t timeout_ms) {
    watchdog_us = timeout_ms * UINT64_C(1000);
    hal_watchdog_feed();
}

void hal_watchdog_feed(void) {
    pump(0);
    if (watchdog_us == 0)
        return;
    fed_us = hal_now_us();
    struct itimerval bite = {.it_value = {.tv_sec = (time_t)(watchdog_us / 1000000u),
                                          .tv_usec = (suseconds_t)(watchdog_us % 1000000u)}};
    setitimer(ITIMER_PROF, &bite, NULL);
}

void hal_random(uint8_t *out, size_t len) {
    while (len > 0) {
        ssize_t got = getrandom(out, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            native_die("getrandom");
        out += got;
        len -= (size_t)got;
    }
}

const void *hal_stack_limit(void) {
    static void *lowest;
    pthread_attr_t attributes;
    size_t size;
    if (!lowest && pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &lowest, &size);
        pthread_attr_destroy(&attributes);
    }
    return lowest;
}

size_t hal_stack_unused(void) {
    return 0;
}
