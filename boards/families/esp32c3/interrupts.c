/* The interrupt matrix, and sleep. All of it is in RAM: interrupts are taken while flash is erased. */
#include "common/riscv/riscv.h"
#include "common/riscv/trap.h"
#include "esp32c3.h"
#include "hal.h"
#include "parts.h"

#define PRIORITY 1u /* one for all: they do not nest */

/* With interrupts locked; the core takes over new settings with the fence (TRM section 1.6.3). */
void interrupt_enable(uint32_t source, uint32_t number) {
    INTERRUPT_MAP(source) = number;
    INTERRUPT_CPU_INT_PRI(number) = PRIORITY;
    INTERRUPT_CPU_INT_TYPE &= ~(1u << number);
    INTERRUPT_CPU_INT_THRESH = PRIORITY;
    INTERRUPT_CPU_INT_ENABLE |= 1u << number;
    __asm__ volatile("fence" ::: "memory");
}

/* WFI is not known to end here while mstatus locks interrupts, so they are unlocked before it. One that
 * comes between the two must not be slept through: trap_interrupt() then goes on behind WFI. */
__asm__(".pushsection .ramcode, \"ax\", @progbits\n"
        ".option push\n"
        ".option norvc\n"
        ".balign 4\n"
        ".global interrupt_wait, interrupt_wait_sleep, interrupt_wait_end\n"
        "interrupt_wait:\n"
        "csrsi mstatus, 8\n"
        "interrupt_wait_sleep:\n"
        "wfi\n"
        "interrupt_wait_end:\n"
        "csrci mstatus, 8\n"
        "ret\n"
        ".option pop\n"
        ".popsection\n");
extern uint8_t interrupt_wait_sleep[], interrupt_wait_end[];

HAL_RAMCODE void trap_interrupt(uint32_t number) {
    if (number == INTERRUPT_USB)
        usb_handler();
    else if (number == INTERRUPT_UART0)
        uart0_handler();
    else if (number == INTERRUPT_WAKE)
        wake_handler();
    else if (number == INTERRUPT_ALARM)
        alarm_handler();
    else
        trap_unexpected(number);
    if (csr_read(mepc) == (uint32_t)interrupt_wait_sleep)
        csr_write(mepc, interrupt_wait_end);
}
