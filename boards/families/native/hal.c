/* Life, time and sleep of the native board. Nothing runs asynchronously but the watchdog and the alarm
 * (alarm.c): what else an interrupt would do is done in hal_idle() and hal_watchdog_feed(), that is once
 * a loop turn. */
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
static uint64_t start_us;
static uint32_t watchdog_ms;

static uint64_t monotonic_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
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
    setitimer(ITIMER_VIRTUAL, &(struct itimerval){{0}, {0}}, NULL);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    sigemptyset(&idle_signals);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_terminate}, NULL);
    sigaction(SIGINT, &(struct sigaction){.sa_handler = on_terminate}, NULL);
    sigaction(SIGVTALRM, &(struct sigaction){.sa_handler = on_watchdog}, NULL);
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
    start_us = monotonic_us();
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
    return monotonic_us() - start_us;
}

uint64_t native_start_us(void) {
    return start_us;
}

static uint64_t first_of(uint64_t one, uint64_t other) {
    return one < other ? one : other;
}

/* Moves bytes and posts events, waiting at most timeout_us for the first. */
static void pump(uint64_t timeout_us) {
    struct pollfd files[2] = {{.fd = native_files.pty_master, .events = native_pty_events()},
                              {.fd = native_files.udp, .events = POLLIN}};
    struct timespec timeout = {.tv_sec = (time_t)(timeout_us / 1000000u),
                               .tv_nsec = (long)(timeout_us % 1000000u) * 1000};
    int ready = ppoll(files, 2, &timeout, &idle_signals);
    if (terminated)
        exit(EXIT_SUCCESS);
    if (ready < 0 && errno != EINTR)
        native_die("ppoll");
    if (native_files.pty_master >= 0 && native_pty_pump(files[0].revents & POLLIN))
        loop_post(EVENT_UART);
    if (ready > 0 && (files[1].revents & POLLIN))
        loop_post(EVENT_UDP);
}

void hal_idle(uint64_t until_us) {
    uint64_t now = hal_now_us();
    uint64_t until = first_of(until_us, first_of(native_pty_deadline_us(), native_alarm_us()));
    pump(until > now ? until - now : 0);
}

/* It counts processor time: neither a busy machine nor a debugger makes it bite, a hang does. */
void hal_watchdog_start(uint32_t timeout_ms) {
    watchdog_ms = timeout_ms;
    hal_watchdog_feed();
}

void hal_watchdog_feed(void) {
    pump(0);
    if (watchdog_ms == 0)
        return;
    struct itimerval bite = {
        .it_value = {.tv_sec = watchdog_ms / 1000, .tv_usec = watchdog_ms % 1000 * 1000}};
    setitimer(ITIMER_VIRTUAL, &bite, NULL);
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
