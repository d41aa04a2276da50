/* Time: TIM2 counts microseconds on its own, so that no interrupt lock and no flash erase (which
 * stalls the core for a second) loses any. SysTick is the alarm clock: armed for the next deadline
 * only, so an idle node sleeps instead of waking a thousand times a second. */
#include "time.h"

#include "chip.h"
#include "common/cortex_m/cortex_m.h"
#include "hal.h"
#include "stm32f4.h"

static uint32_t wraps, last_count; /* of TIM2's 32 bits: 71.6 minutes; the loop turns twice a second */

void time_start(void) {
    RCC->APB1ENR |= RCC_APB1ENR_TIM2;
    TIM2->PSC = chip_timer_hz() / 1000000u - 1;
    TIM2->ARR = UINT32_MAX;
    TIM2->EGR = TIM_EGR_UG; /* loads the prescaler, clears the count */
    TIM2->CR1 = TIM_CR1_CEN;
}

uint64_t hal_now_us(void) {
    uint32_t state = irq_save();
    uint32_t count = TIM2->CNT;
    if (count < last_count)
        wraps++;
    last_count = count;
    uint64_t now = (uint64_t)wraps << 32 | count;
    irq_restore(state);
    return now;
}

/* WFI wakes up for an interrupt that is pending although PRIMASK keeps it from being taken
 * (ARMv7-M ARM section B1.5.18); it is taken when the caller unlocks. */
void hal_idle(uint64_t until_us) {
    uint64_t now = hal_now_us();
    if (until_us <= now)
        return;
    uint64_t ticks = (until_us - now) * (chip_core_hz() / 8000u) / 1000u;
    SYSTICK->RVR = ticks == 0 ? 1 : ticks < SYSTICK_MAX ? (uint32_t)ticks : SYSTICK_MAX;
    SYSTICK->CVR = 0;
    SYSTICK->CSR = SYSTICK_ENABLE | SYSTICK_TICKINT;
    wait_for_interrupt();
    SYSTICK->CSR = 0;
}

/* Its work was to end WFI. Weak: an emulated watchdog may need it (boards/emulators/). */
void systick_handler(void);
__attribute__((weak)) void systick_handler(void) {
}
