/* Time: unit 0 of the system timer, which nothing stops. Target 0 ends a sleep, target 1 is the sampling
 * alarm. The timer counts 52 bits, which is 8.9 years; here they are made 64. */
#include "esp32c3.h"
#include "hal.h"
#include "parts.h"

enum { WAKE, ALARM }; /* targets */

static uint64_t started, counted;
static uint64_t alarm_us = HAL_NEVER;
static void (*alarm_fire)(void);

/* Reading takes two clocks to cross domains (TRM section 10.5.1); the bound is for a timer without
 * clock. Whoever interrupts us reads too: so they are locked. */
HAL_RAMCODE static uint64_t count(void) {
    uint32_t state = hal_irq_lock();
    SYSTIMER->UNIT0_OP = SYSTIMER_UPDATE;
    for (int turns = 0; turns < 1000 && !(SYSTIMER->UNIT0_OP & SYSTIMER_VALUE_VALID); turns++)
        ;
    uint64_t high = SYSTIMER->UNIT0_VALUE_HI;
    uint64_t value = high << 32 | SYSTIMER->UNIT0_VALUE_LO;
    value = counted += (value - counted) & SYSTIMER_VALUE_MASK;
    hal_irq_unlock(state);
    return value;
}

void time_start(void) {
    SYSTIMER->CONF |= SYSTIMER_CONF_RUN;
    SYSTIMER->INT_ENA = 0;
    started = count();
    interrupt_enable(SOURCE_SYSTIMER_TARGET0, INTERRUPT_WAKE);
    interrupt_enable(SOURCE_SYSTIMER_TARGET1, INTERRUPT_ALARM);
}

HAL_RAMCODE uint64_t hal_now_us(void) {
    return (count() - started) >> SYSTIMER_TICKS_PER_US_LOG2;
}

#define FARTHEST_US (UINT64_C(1) << 40) /* from now: a fortnight */

/* Interrupts once when that time has come, also when it has passed: then now. The timer takes a target
 * that lies less than half of its 52 bits behind the count for one that has passed (TRM chapter 10), so
 * neither what passed long ago nor what is far ahead is told to it as it is. */
HAL_RAMCODE static void set_target(unsigned target, uint64_t at_us) {
    uint64_t now = hal_now_us();
    if (at_us < now)
        at_us = now;
    if (at_us - now > FARTHEST_US)
        at_us = now + FARTHEST_US;
    uint64_t at = started + (at_us << SYSTIMER_TICKS_PER_US_LOG2);
    SYSTIMER->CONF &= ~SYSTIMER_CONF_TARGET_EN(target);
    SYSTIMER->TARGET[target].HI = (uint32_t)(at >> 32);
    SYSTIMER->TARGET[target].LO = (uint32_t)at;
    SYSTIMER->TARGET_CONF[target] = 0;
    SYSTIMER->COMP_LOAD[target] = 1;
    SYSTIMER->INT_CLR = 1u << target;
    SYSTIMER->CONF |= SYSTIMER_CONF_TARGET_EN(target);
    SYSTIMER->INT_ENA |= 1u << target;
}

HAL_RAMCODE static void clear_target(unsigned target) {
    SYSTIMER->INT_ENA &= ~(1u << target);
    SYSTIMER->CONF &= ~SYSTIMER_CONF_TARGET_EN(target);
    SYSTIMER->INT_CLR = 1u << target;
}

void hal_idle(uint64_t until_us) {
    if (ports_listen() || until_us <= hal_now_us())
        return;
    set_target(WAKE, until_us);
    interrupt_wait();
    clear_target(WAKE);
}

/* Its work was to end the sleep. */
HAL_RAMCODE void wake_handler(void) {
    clear_target(WAKE);
}

HAL_RAMCODE void hal_alarm_at(uint64_t at_us, void (*fire)(void)) {
    uint32_t state = hal_irq_lock();
    alarm_us = at_us;
    alarm_fire = fire;
    if (at_us == HAL_NEVER)
        clear_target(ALARM);
    else
        set_target(ALARM, at_us);
    hal_irq_unlock(state);
}

/* An alarm farther away than the timer can tell comes early here, and is set again. */
HAL_RAMCODE void alarm_handler(void) {
    clear_target(ALARM);
    if (hal_now_us() < alarm_us) {
        set_target(ALARM, alarm_us);
        return;
    }
    alarm_us = HAL_NEVER;
    alarm_fire();
}
