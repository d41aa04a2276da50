/* Time that never stops: a free-running counter, which the core need not help. Counting in an interrupt
 * loses time whenever interrupts are locked or flash is erased. */
#include "registers.h"
#include "common/cortex_m/cortex_m.h"
#include "hal.h"
#include "parts.h"

#define WAKE_MAX_US 1000000u /* far below the counter's 71.6 minutes, so that each wrap is seen */

static uint32_t wraps, last_count;
static uint64_t alarm_us = HAL_NEVER;
static void (*alarm_fire)(void);

void time_start(void) {
    TIMER->COUNT = 0;
    TIMER->CONTROL = TIMER_RUN | TIMER_ALARM_INTERRUPT;
    nvic_enable(IRQ_TIMER);
}

/* Any context: the lock keeps an interrupt from seeing a wrap between the two halves. */
HAL_RAMCODE uint64_t hal_now_us(void) {
    uint32_t state = irq_save();
    uint32_t count = TIMER->COUNT;
    if (count < last_count)
        wraps++;
    last_count = count;
    uint64_t now = (uint64_t)wraps << 32 | count;
    irq_restore(state);
    return now;
}

/* One comparison for both: the end of the loop's sleep, and the sampling alarm. To come early is always
 * allowed: the handler looks at the time. */
HAL_RAMCODE static void wake_at(uint64_t at_us) {
    uint64_t now = hal_now_us();
    uint32_t span = at_us <= now ? 0 : at_us - now < WAKE_MAX_US ? (uint32_t)(at_us - now) : WAKE_MAX_US;
    TIMER->ALARM = (uint32_t)now + span;
}

/* The caller has locked interrupts and looked for events; one that is posted from here on makes an
 * interrupt pending, and WFI does not sleep then (ARMv7-M ARM section B1.5.18). Unlocking before the
 * sleep instead would lose it. */
void hal_idle(uint64_t until_us) {
    if (until_us <= hal_now_us())
        return;
    wake_at(until_us < alarm_us ? until_us : alarm_us);
    wait_for_interrupt();
}

HAL_RAMCODE void hal_alarm_at(uint64_t at_us, void (*fire)(void)) {
    uint32_t state = irq_save();
    alarm_us = at_us;
    alarm_fire = fire;
    wake_at(at_us);
    irq_restore(state);
}

/* Calls the function outside of the lock, as it may last: the UART's interrupt is the more urgent one. A
 * wait for an erase with interrupts locked calls this too, in each turn. */
HAL_RAMCODE void time_alarm(void) {
    uint32_t state = irq_save();
    bool is_due = alarm_us <= hal_now_us();
    if (is_due)
        alarm_us = HAL_NEVER;
    wake_at(alarm_us);
    irq_restore(state);
    if (is_due)
        alarm_fire();
}

/* What else it came for was to end WFI. It stays pending until the alarm is moved. */
void timer_handler(void);
void timer_handler(void) {
    time_alarm();
}
