/* Time: mtime never stops. The timer's interrupt comes for what is first, the end of the loop's sleep or
 * the sampling alarm. */
#include "common/riscv/riscv.h"
#include "hal.h"
#include "parts.h"
#include "virt.h"

static uint64_t started;
static uint64_t alarm_us = HAL_NEVER;
static void (*alarm_fire)(void);

static uint64_t mtime(void) {
    uint32_t high, low;
    do {
        high = MTIME[1];
        low = MTIME[0];
    } while (high != MTIME[1]);
    return (uint64_t)high << 32 | low;
}

uint64_t hal_now_us(void) {
    return (mtime() - started) / MTIME_PER_US;
}

#define LONGEST_US 500000u /* so often the emulator's file is shown that time goes on */

/* The timer's interrupt at that time, or before. The high half is out of the way while the low one
 * changes, or the interrupt might come in between. */
static void wake_at(uint64_t at_us) {
    uint64_t now = hal_now_us();
    uint64_t span = at_us <= now ? 0 : at_us - now < LONGEST_US ? at_us - now : LONGEST_US;
    uint64_t at = started + (now + span) * MTIME_PER_US;
    MTIMECMP[1] = UINT32_MAX;
    MTIMECMP[0] = (uint32_t)at;
    MTIMECMP[1] = (uint32_t)(at >> 32);
}

void time_start(void) {
    started = mtime() - timer_first_us() * MTIME_PER_US;
    wake_at(HAL_NEVER);
    csr_set(mie, MIE_TIMER);
}

void hal_idle(uint64_t until_us) {
    if (until_us <= hal_now_us())
        return;
    wake_at(until_us < alarm_us ? until_us : alarm_us);
    wait_for_interrupt();
}

void hal_alarm_at(uint64_t at_us, void (*fire)(void)) {
    uint32_t state = irq_save();
    alarm_us = at_us;
    alarm_fire = fire;
    wake_at(at_us);
    irq_restore(state);
}

/* What else it came for was to end a sleep. Interrupts are locked in a handler. */
void timer_handler(void) {
    bool is_due = alarm_us <= hal_now_us();
    if (is_due)
        alarm_us = HAL_NEVER;
    wake_at(alarm_us);
    if (is_due)
        alarm_fire();
    timer_tick();
}
