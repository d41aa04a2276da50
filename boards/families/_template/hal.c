/* Life, identity, randomness, interrupts, watchdog. Time is in time.c, bytes in uart.c, drivers of
 * sensors in sensors.c; the stack and the fault report come from common/cortex_m, the table of sensors
 * from common/sensors.c. firmware/hal.h says what each function promises: the comments here say what
 * usually goes wrong. */
#include "hal.h"

#include <string.h>

#include "chip.h"
#include "common/cortex_m/cortex_m4.h"
#include "common/cortex_m/fault.h"
#include "parts.h"

static hal_reset_cause reset_cause;
static const char *last_fault;

/* Every wait at start is bounded, in turns of a loop as nothing counts time yet, and has a fall-back:
 * here the internal oscillator, which runs from reset. A board whose crystal is broken then still says
 * so. */
static void clock_start(void) {
    SYS->CLOCK = SYS_CLOCK_CRYSTAL;
    for (uint32_t turns = 0; turns < 50000; turns++)
        if (SYS->STATUS & SYS_STATUS_CRYSTAL_READY)
            return;
    SYS->CLOCK = 0;
}

/* Chips set several flags for one reset: the most telling one wins. The flags must be cleared, or the
 * next reset shows this one's too. */
static hal_reset_cause read_cause(void) {
    uint32_t flags = SYS->RESETS;
    SYS->RESETS = 0;
    if (flags & SYS_RESETS_POWER)
        return HAL_RESET_POWER;
    if (flags & SYS_RESETS_WATCHDOG)
        return HAL_RESET_WATCHDOG;
    return flags & SYS_RESETS_SOFTWARE ? HAL_RESET_SOFTWARE : HAL_RESET_UNKNOWN;
}

/* A CPU fault ends in a software reset; the text it left behind tells the two apart. After a power cut
 * there is no text, whatever the RAM looks like. */
static void find_reset_cause(void) {
    reset_cause = read_cause();
    last_fault = fault_take();
    if (reset_cause == HAL_RESET_POWER)
        last_fault = NULL;
    else if (last_fault)
        reset_cause = HAL_RESET_FAULT;
}

/* In this order: the rest needs clocks, and waits by the time. */
void hal_init(void) {
    clock_start();
    time_start();
    find_reset_cause();
    uart_start();
}

void hal_reset(void) {
    system_reset();
}

hal_reset_cause hal_get_reset_cause(void) {
    return reset_cause;
}

const char *hal_last_fault(void) {
    return last_fault;
}

/* Whatever tells two chips apart and stays: a factory number, a MAC address. The gateway knows boards by
 * it. */
size_t hal_unique_id(uint8_t *out, size_t cap) {
    uint32_t words[2] = {SYS->UNIQUE_ID[0], SYS->UNIQUE_ID[1]};
    size_t len = sizeof words < cap ? sizeof words : cap;
    memcpy(out, words, len);
    return len;
}

/* Two boots, and two boards that start together, must differ: boot ids are made of this. Where a chip
 * has no generator, or it does not answer within the millisecond, unique id and time have to do. */
void hal_random(uint8_t *out, size_t len) {
    uint64_t deadline = hal_now_us() + 1000;
    while (len > 0) {
        while (!RNG->READY && hal_now_us() < deadline)
            ;
        uint32_t word = RNG->READY ? RNG->WORD : SYS->UNIQUE_ID[0] * 2654435761u ^ TIMER->COUNT;
        size_t take = len < sizeof word ? len : sizeof word;
        memcpy(out, &word, take);
        out += take;
        len -= take;
    }
}

uint32_t hal_irq_lock(void) {
    return irq_save();
}

void hal_irq_unlock(uint32_t state) {
    irq_restore(state);
}

static bool watchdog_runs;

/* One that runs from a clock of its own, so that it bites when ours has stopped too. */
void hal_watchdog_start(uint32_t timeout_ms) {
    watchdog_runs = true;
    WATCHDOG->TIMEOUT_MS = timeout_ms;
}

/* The loop calls this every turn, also before the watchdog was started. */
void hal_watchdog_feed(void) {
    if (watchdog_runs)
        WATCHDOG->FEED = 1;
}
