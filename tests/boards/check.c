/* A board's self-test: proves hal.h from the outside, over the serial link. Lines come in, each a
 * word and perhaps a number; an answer line goes out. `echo N` returns the next N bytes as they are. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "core/loop.h"
#include "hal.h"

static char line[64];
static size_t line_len;
static size_t echo_left;
static struct loop_timer timer;
static uint64_t timer_due_us;

static __attribute__((format(printf, 1, 2))) void answer(const char *format, ...) {
    char text[160];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text - 1, format, args);
    va_end(args);
    text[len] = '\n';
    hal_uart_write((const uint8_t *)text, (size_t)len + 1);
}

static void answer_hex(const uint8_t *bytes, size_t len) {
    char text[65];
    for (size_t i = 0; i < len && i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    answer("%s", text);
}

static void say_id(unsigned argument) {
    (void)argument;
    uint8_t id[16];
    answer_hex(id, hal_unique_id(id, sizeof id));
}

static void say_random(unsigned argument) {
    uint8_t bytes[32];
    size_t len = argument < sizeof bytes ? argument : sizeof bytes;
    hal_random(bytes, len);
    answer_hex(bytes, len);
}

/* In hexadecimal: newlib-nano's printf has no 64 bits. */
static void say_now(unsigned argument) {
    (void)argument;
    uint64_t now = hal_now_us();
    answer("%08" PRIx32 "%08" PRIx32, (uint32_t)(now >> 32), (uint32_t)now);
}

static void say_cause(unsigned argument) {
    (void)argument;
    answer("%d", (int)hal_get_reset_cause());
}

static void say_fault(unsigned argument) {
    (void)argument;
    const char *fault = hal_last_fault();
    answer("%s", fault ? fault : "none");
}

static void say_escape(unsigned argument) {
    (void)argument;
    answer("%d", hal_starts_without_modules());
}

static void say_stack(unsigned argument) {
    (void)argument;
    answer("%u %d", (unsigned)hal_stack_unused(), (uintptr_t)hal_stack_limit() < (uintptr_t)&argument);
}

static void say_overruns(unsigned argument) {
    (void)argument;
    answer("%" PRIu32, hal_uart_overruns());
}

/* Values in thousandths: newlib-nano's printf has no floating point. */
static void say_sensor(unsigned argument) {
    float values[8];
    if (argument >= hal_sensor_count()) {
        answer("no such sensor");
        return;
    }
    const struct hal_sensor *info = hal_sensor_info(argument);
    hal_raw raw;
    uint32_t state = hal_irq_lock();
    wm_status status = hal_sensor_take(argument, &raw);
    hal_irq_unlock(state);
    if (status == WM_OK)
        status = hal_sensor_values(argument, &raw, values);
    char text[96];
    int len = snprintf(text, sizeof text, "%s %d", info->name, (int)status);
    for (size_t i = 0; i < info->channels && status == WM_OK; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, " %s=%ld%s", info->channel[i],
                        (long)(values[i] * 1000.0f), info->unit[i]);
    answer("%s", text);
}

static uint32_t turns; /* of the loop */

static void say_turns(unsigned argument) {
    (void)argument;
    answer("%" PRIu32, turns);
}

static void on_timer(void *argument) {
    (void)argument;
    answer("late %" PRIu32, (uint32_t)(hal_now_us() - timer_due_us));
}

/* Answers after so many milliseconds, with how many microseconds late the loop woke up. */
static void wait(unsigned argument) {
    timer_due_us = hal_now_us() + argument * UINT64_C(1000);
    loop_timer_at(&timer, timer_due_us, on_timer, NULL);
}

/* ---- the alarm: a beat, and how late it ever was -------------------------------------------- */

static uint64_t beat_due_us;
static uint32_t beat_period_us;
static volatile uint32_t beats, latest_us;

HAL_RAMCODE static void on_beat(void) {
    uint32_t late = (uint32_t)(hal_now_us() - beat_due_us);
    if (late > latest_us)
        latest_us = late;
    beats = beats + 1;
    beat_due_us += beat_period_us;
    hal_alarm_at(beat_due_us, on_beat);
}

/* Every so many microseconds; 0 ends it. */
static void beat(unsigned argument) {
    uint32_t state = hal_irq_lock();
    beats = latest_us = 0;
    beat_period_us = argument;
    beat_due_us = hal_now_us() + argument;
    hal_alarm_at(argument ? beat_due_us : HAL_NEVER, on_beat);
    hal_irq_unlock(state);
    answer("beat %u", argument);
}

/* How many there were, and how many microseconds late the latest of them came. */
static void say_beats(unsigned argument) {
    (void)argument;
    answer("%" PRIu32 " %" PRIu32, beats, latest_us);
}

/* Keeps the loop until so many beats were, as a long event of a module does. */
static void hog(unsigned argument) {
    while (beats < argument)
        hal_watchdog_feed();
    answer("hog %u", argument);
}

static volatile bool rang;

HAL_RAMCODE static void on_past(void) {
    rang = true;
}

/* An alarm for a time that has passed: not inside of the call, and not while interrupts are locked. */
static void past(unsigned argument) {
    (void)argument;
    rang = false;
    uint32_t state = hal_irq_lock();
    hal_alarm_at(0, on_past);
    for (uint64_t until = hal_now_us() + 1000; hal_now_us() < until;)
        ;
    bool early = rang;
    hal_irq_unlock(state);
    while (!rang)
        hal_watchdog_feed();
    answer("past %d", early);
}

/* Computes for so many milliseconds without feeding the watchdog, as an event of a module may. Answers
 * when it begins, and with the longest time in microseconds between two looks at the clock. */
static void spin(unsigned argument) {
    answer("spin %u", argument);
    uint64_t now = hal_now_us(), until = now + argument * 1000u, longest = 0;
    while (now < until) {
        uint64_t before = now;
        now = hal_now_us();
        if (now - before > longest)
            longest = now - before;
    }
    answer("spun %" PRIu32, (uint32_t)longest);
}

/* Sleeps for ever, and never feeds the watchdog. */
static void doze(unsigned argument) {
    (void)argument;
    for (;;) {
        uint32_t state = hal_irq_lock();
        hal_idle(HAL_NEVER);
        hal_irq_unlock(state);
    }
}

static void reset(unsigned argument) {
    (void)argument;
    hal_reset();
}

static void watchdog(unsigned argument) {
    hal_watchdog_start(argument);
    answer("watchdog %u", argument);
}

static void hang(unsigned argument) {
    (void)argument;
    for (;;)
        __asm__ volatile("");
}

static void crash(unsigned argument) {
    (void)argument;
    ((void (*)(void))(uintptr_t)0xF0000001u)(); /* nothing is executable there */
}

static unsigned deeper(unsigned depth) {
    volatile uint8_t frame[256];
    frame[depth % sizeof frame] = (uint8_t)depth;
    return depth == UINT32_MAX ? 0 : deeper(depth + 1) + frame[depth % sizeof frame];
}

static void overflow(unsigned argument) {
    answer("%u", deeper(argument));
}

/* ---- flash: the first bank ---------------------------------------------------------------- */

#define FLASH_SAMPLE 32

static void answer_after(wm_status status, uint64_t began_us) {
    answer("%d %" PRIu32, (int)status, (uint32_t)(hal_now_us() - began_us));
}

/* Answers with the status and how many microseconds it took. */
static void erase(unsigned argument) {
    uint64_t began = hal_now_us();
    wm_status status = hal_flash_erase_start(hal_flash_sector(HAL_FLASH_BANKS, argument).at);
    if (status == WM_OK)
        while ((status = hal_flash_erase_poll()) == WM_EAGAIN)
            hal_watchdog_feed();
    answer_after(status, began);
}

/* The last bytes of what a bank holds. */
static uint32_t sample_at(void) {
    return hal_flash_sector(HAL_FLASH_BANKS, 0).at + MODULE_BANK_BYTES - FLASH_SAMPLE;
}

static void program(unsigned argument) {
    uint8_t bytes[FLASH_SAMPLE];
    uint64_t began = hal_now_us();
    memset(bytes, (int)argument, sizeof bytes);
    answer_after(hal_flash_program(sample_at(), bytes, sizeof bytes), began);
}

/* Both ways to read must show the same. */
static void peek(unsigned argument) {
    (void)argument;
    uint8_t bytes[FLASH_SAMPLE];
    const uint8_t *window = hal_flash_map(sample_at(), sizeof bytes);
    wm_status status = hal_flash_read(sample_at(), bytes, sizeof bytes);
    if (status == WM_OK && window && memcmp(window, bytes, sizeof bytes) == 0)
        answer_hex(bytes, sizeof bytes);
    else
        answer("cannot be read: %d", (int)status);
    hal_flash_unmap(window);
}

static void echo(unsigned argument) {
    echo_left = argument;
}

/* The second answer waits until the first has left. */
static void drain(unsigned argument) {
    answer("drain %u", argument);
    while (!hal_uart_is_idle())
        hal_watchdog_feed();
    answer("idle");
}

static const struct {
    const char *word;
    void (*run)(unsigned argument);
} commands[] = {
    {"id", say_id},         {"random", say_random},
    {"now", say_now},       {"cause", say_cause},
    {"fault", say_fault},   {"stack", say_stack},
    {"sensor", say_sensor}, {"wait", wait},
    {"reset", reset},       {"watchdog", watchdog},
    {"hang", hang},         {"crash", crash},
    {"overflow", overflow}, {"overruns", say_overruns},
    {"echo", echo},         {"erase", erase},
    {"program", program},   {"peek", peek},
    {"escape", say_escape}, {"beat", beat},
    {"beats", say_beats},   {"hog", hog},
    {"past", past},         {"drain", drain},
    {"spin", spin},         {"doze", doze},
    {"turns", say_turns},
};

static void run_line(void) {
    char *argument = strchr(line, ' ');
    if (argument)
        *argument++ = 0;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(line, commands[i].word) == 0) {
            commands[i].run(argument ? (unsigned)strtoul(argument, NULL, 10) : 0);
            return;
        }
    answer("unknown: %s", line);
}

static void take(uint8_t byte) {
    if (byte != '\n') {
        if (line_len < sizeof line - 1)
            line[line_len++] = (char)byte;
        return;
    }
    line[line_len] = 0;
    line_len = 0;
    run_line();
}

/* Reads no more than can be sent back, so that the echo loses nothing whatever the rings hold. */
static void echo_some(void) {
    uint8_t bytes[64];
    size_t cap = hal_uart_write_space() < sizeof bytes ? hal_uart_write_space() : sizeof bytes;
    size_t len = hal_uart_read(bytes, cap < echo_left ? cap : echo_left);
    hal_uart_write(bytes, len);
    echo_left -= len;
    if (len)
        loop_post(EVENT_UART);
}

static void on_uart(void) {
    uint8_t byte;
    while (!echo_left && hal_uart_read(&byte, 1) == 1)
        take(byte);
    if (echo_left)
        echo_some();
}

int main(void) {
    hal_init();
    loop_on(EVENT_UART, on_uart);
    loop_post(EVENT_UART);
    answer("ready %d", (int)hal_get_reset_cause());
    for (;; turns++)
        loop_run_once();
}
