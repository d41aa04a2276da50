/* Time: TIM2 counts microseconds on its own, so that no interrupt lock and no flash erase (which
 * stalls the core for a second) loses any. SysTick is the alarm clock, for the loop's sleep and for the
 * sampling alarm: it is armed for what comes first, so an idle node sleeps instead of waking a thousand
 * times a second. Its interrupt is the least urgent one: the UART has 87 us for a byte, and taking a
 * reading may last as long. */
#include "time.h"

#include "chip.h"
#include "common/cortex_m/cortex_m.h"
#include "hal.h"
#include "stm32.h"

static uint32_t wraps, last_count; /* of TIM2's 32 bits: 71.6 minutes; the loop turns twice a second */
static uint32_t ticks_per_us, longest_us; /* of SysTick */
static uint64_t alarm_us = HAL_NEVER;
static void (*alarm_fire)(void);

void time_start(void) {
    TIM2->PSC = chip_timer_hz() / 1000000u - 1;
    TIM2->ARR = UINT32_MAX;
    TIM2->EGR = TIM_EGR_UG; /* loads the prescaler, clears the count */
    TIM2->CR1 = TIM_CR1_CEN;
    ticks_per_us = chip_core_hz() / 8000000u;
    longest_us = SYSTICK_MAX / ticks_per_us;
    SCB->SHPR3 |= SCB_SHPR3_SYSTICK_LAST;
}

HAL_RAMCODE uint64_t hal_now_us(void) {
    uint32_t state = irq_save();
    uint32_t count = TIM2->CNT;
    if (count < last_count)
        wraps++;
    last_count = count;
    uint64_t now = (uint64_t)wraps << 32 | count;
    irq_restore(state);
    return now;
}

/* SysTick's interrupt at that time, or before: the handler looks at the time. Once: with nothing to load
 * it stops (ARMv7-M ARM section B3.3.1). Interrupts are locked. */
HAL_RAMCODE static void wake_at(uint64_t at_us) {
    uint64_t now = hal_now_us();
    if (at_us <= now) {
        SCB->ICSR = SCB_ICSR_PENDSTSET;
        return;
    }
    uint32_t us = at_us - now < longest_us ? (uint32_t)(at_us - now) : longest_us;
    SYSTICK->CSR = 0;
    SYSTICK->RVR = us * ticks_per_us;
    SYSTICK->CVR = 0;
    SYSTICK->CSR = SYSTICK_ENABLE | SYSTICK_TICKINT;
    while (SYSTICK->CVR == 0)
        ; /* loaded with the next tick, an eighth of the core's clock */
    SYSTICK->RVR = 0;
}

HAL_RAMCODE void hal_alarm_at(uint64_t at_us, void (*fire)(void)) {
    uint32_t state = irq_save();
    alarm_us = at_us;
    alarm_fire = fire;
    wake_at(at_us);
    irq_restore(state);
}

HAL_RAMCODE void time_alarm(void) {
    uint32_t state = irq_save();
    bool is_due = alarm_us <= hal_now_us();
    if (is_due)
        alarm_us = HAL_NEVER;
    irq_restore(state);
    if (is_due)
        alarm_fire();
}

/* WFI wakes up for an interrupt that is pending although PRIMASK keeps it from being taken
 * (ARMv7-M ARM section B1.5.18); it is taken when the caller unlocks. */
void hal_idle(uint64_t until_us) {
    if (until_us <= hal_now_us())
        return;
    wake_at(until_us < alarm_us ? until_us : alarm_us);
    wait_for_interrupt();
}

/* From here on for the alarm: what else SysTick was armed for was to end a sleep. */
void systick_handler(void);
void systick_handler(void) {
    time_alarm();
    uint32_t state = irq_save();
    wake_at(alarm_us);
    irq_restore(state);
    chip_tick();
}
