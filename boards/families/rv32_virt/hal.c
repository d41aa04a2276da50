/* The order in which things start; reset; interrupts of the PLIC. */
#include "hal.h"

#include "common/bare/life.h"
#include "common/riscv/protect.h"
#include "common/riscv/riscv.h"
#include "common/riscv/trap.h"
#include "parts.h"
#include "virt.h"

void hal_init(void) {
    protect_memory(RAM_END);
    time_start();
    life_start();
    uart_start();
    csr_set(mie, MIE_EXTERNAL);
    csr_set(mstatus, MSTATUS_MIE);
}

void hal_reset(void) {
    FINISHER = FINISHER_RESET;
    for (;;)
        wait_for_interrupt();
}

void interrupts_enable(unsigned source) {
    PLIC_PRIORITY(source) = 1;
    PLIC_THRESHOLD = 0;
    PLIC_ENABLE |= 1u << source;
}

static void handle_source(uint32_t source) {
    if (source == SOURCE_UART)
        uart_handler();
    else
        trap_unexpected(source);
}

void trap_interrupt(uint32_t number) {
    if (number == INTERRUPT_TIMER) {
        timer_handler();
        return;
    }
    if (number != INTERRUPT_EXTERNAL)
        trap_unexpected(number);
    for (uint32_t source; (source = PLIC_CLAIM) != 0; PLIC_CLAIM = source)
        handle_source(source);
}
