/* Which interrupt goes where. What nobody handles is a reported fault. */
#include "registers.h"
#include "common/cortex_m/start.h"

void timer_handler(void);
void uart_handler(void);

struct vector_table {
    struct core_vectors core;
    interrupt_handler *irq[IRQ_COUNT];
};

__attribute__((section(".vectors"), used)) static const struct vector_table vectors = {
    .core = {.stack = __stack_top, .handlers = {CORE_HANDLERS}},
    .irq = {[IRQ_TIMER] = timer_handler,
            [IRQ_UART] = uart_handler,
            [IRQ_UART + 1 ... IRQ_COUNT - 1] = fault_handler},
};

/* SysTick is not used here: STM32F4 has its alarm clock there. */
void systick_handler(void) {
}
