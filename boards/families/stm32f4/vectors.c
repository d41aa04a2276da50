/* Which interrupt goes where: table 61 of RM0090 behind the 16 entries of the core. */
#include "common/cortex_m/start.h"
#include "common/stm32/uart.h"
#include "usart.h"

struct vector_table {
    struct core_vectors core;
    interrupt_handler *irq[IRQ_COUNT];
};

__attribute__((section(".vectors"), used)) static const struct vector_table vectors = {
    .core = {.stack = __stack_top, .handlers = {CORE_HANDLERS}},
    .irq = {[0 ... IRQ_LINK - 1] = fault_handler,
            [IRQ_LINK] = link_handler,
            [IRQ_LINK + 1 ... IRQ_COUNT - 1] = fault_handler},
};
