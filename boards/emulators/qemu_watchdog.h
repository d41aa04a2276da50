/* The watchdog of the emulator files. It counts the board's own time, hal_now_us(), and of that only
 * what the board has lived through: the family has it looked at whenever its timer interrupts, about
 * once a second or more often, and what has passed since the last look or feed counts as half the
 * timeout at most. So a board that hangs, computing or asleep, is reset; one whose emulator got no
 * processor for a while, or was stopped, finds its clock far ahead once, and then feeds. While it
 * computes, time goes by instructions under -icount, which is how `wasmote sim` starts QEMU: their speed
 * does not matter.
 *
 * Unlike a real one it cannot bite while interrupts are locked, and it bites up to two looks late. */
#ifndef WASMOTE_EMULATORS_QEMU_WATCHDOG_H
#define WASMOTE_EMULATORS_QEMU_WATCHDOG_H

#include "common/bare/chip.h"
#include "qemu.h"

static uint32_t watchdog_us; /* 0: it does not run */
static uint32_t watchdog_spent_us;
static uint64_t watchdog_seen_us; /* when it was looked at or fed */

void chip_watchdog_start(uint32_t timeout_ms) {
    watchdog_us = timeout_ms * 1000;
    chip_watchdog_feed();
}

void chip_watchdog_feed(void) {
    uint32_t state = hal_irq_lock();
    watchdog_spent_us = 0;
    watchdog_seen_us = hal_now_us();
    hal_irq_unlock(state);
}

/* In the timer's interrupt. */
static void watchdog_look(void) {
    if (watchdog_us == 0)
        return;
    uint64_t now = hal_now_us(), passed = now - watchdog_seen_us;
    uint32_t most = watchdog_us / 2 + 1;
    watchdog_spent_us += passed < most ? (uint32_t)passed : most;
    watchdog_seen_us = now;
    if (watchdog_spent_us < watchdog_us)
        return;
    qemu_next_reset(HAL_RESET_WATCHDOG);
    hal_reset();
}

#endif
