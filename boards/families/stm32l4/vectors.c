/* Which interrupt goes where: table 57 of RM0351 behind the 16 entries of the core. */
#include "common/cortex_m/start.h"
#include "common/stm32/uart.h"
#include "flash_port.h"
#include "usart.h"

struct vector_table {
    struct core_vectors core;
    interrupt_handler *irq[IRQ_COUNT];
};

__attribute__((section(".vectors"), used)) static const struct vector_table vectors = {
    .core = {.stack = __stack_top, .handlers = {CORE_HANDLERS_BUT(nmi_handler)}},
    .irq = {[0 ... IRQ_LINK - 1] = fault_handler,
            [IRQ_LINK] = link_handler,
            [IRQ_LINK + 1 ... IRQ_COUNT - 1] = fault_handler},
};

/* Two wrong bits in a word of flash come as an NMI (RM0351 section 3.3.2), others there are none. */
void nmi_handler(void) {
    flash_is_torn = true;
    FLASH_ECCR |= FLASH_ECCR_ECCD;
}
