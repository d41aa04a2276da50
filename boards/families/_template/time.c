/* Time that never stops: a free-running counter, which the core need not help. Counting in an interrupt
 * loses time whenever interrupts are locked or flash is erased. */
#include "registers.h"
#include "common/cortex_m/cortex_m.h"
#include "hal.h"
#include "parts.h"

#define SLEEP_MAX_US 1000000u /* far below the counter's 71.6 minutes, so that each wrap is seen */

static uint32_t wraps, last_count;

void time_start(void) {
    TIMER->COUNT = 0;
    TIMER->CONTROL = TIMER_RUN;
    nvic_enable(IRQ_TIMER);
}

/* Any context: the lock keeps an interrupt from seeing a wrap between the two halves. */
uint64_t hal_now_us(void) {
    uint32_t state = irq_save();
    uint32_t count = TIMER->COUNT;
    if (count < last_count)
        wraps++;
    last_count = count;
    uint64_t now = (uint64_t)wraps << 32 | count;
    irq_restore(state);
    return now;
}

/* The caller has locked interrupts and looked for events; one that is posted from here on makes an
 * interrupt pending, and WFI does not sleep then (ARMv7-M ARM section B1.5.18). Unlocking before the
 * sleep instead would lose it. To come back early is always allowed. */
void hal_idle(uint64_t until_us) {
    uint64_t now = hal_now_us();
    if (until_us <= now)
        return;
    uint64_t sleep = until_us - now;
    TIMER->ALARM = (uint32_t)(now + (sleep < SLEEP_MAX_US ? sleep : SLEEP_MAX_US));
    TIMER->CONTROL = TIMER_RUN | TIMER_ALARM_INTERRUPT;
    wait_for_interrupt();
    TIMER->CONTROL = TIMER_RUN;
}

/* Its work was to end WFI. The alarm stays pending for as long as its interrupt is on. */
void timer_handler(void);
void timer_handler(void) {
    TIMER->CONTROL = TIMER_RUN;
}
