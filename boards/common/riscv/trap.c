#include "trap.h"

#include <stdbool.h>
#include <stddef.h>

#include "common/bare/fault_record.h"
#include "hal.h"
#include "riscv.h"

/* The fault's own stack: it may be that the other one is used up. */
#define FAULT_STACK_BYTES 384
static uint64_t fault_stack[FAULT_STACK_BYTES / 8] __attribute__((used, aligned(16)));

extern uint8_t __stack_limit[], __stack_top[];

void interrupt_entry(void);
void fault_entry(void);

/* Privileged architecture, table 3.6. */
static const char *exception_name(uint32_t number) {
    static const char *const names[] = {"instruction misaligned", "instruction access fault",
                                        "illegal instruction",    "breakpoint",
                                        "load misaligned",        "load access fault",
                                        "store misaligned",       "store access fault"};
    return number < sizeof names / sizeof names[0] ? names[number] : "exception";
}

static _Noreturn void fault_report(const uint8_t *sp, uint32_t ra) __attribute__((used));
static _Noreturn void fault_report(const uint8_t *sp, uint32_t ra) {
    uint32_t cause = csr_read(mcause);
    fault_record_begin(exception_name(cause));
    if (sp < __stack_limit || sp > __stack_top)
        fault_record_add(" stack overflow, sp=", (uint32_t)sp);
    fault_record_add(" pc=", csr_read(mepc));
    fault_record_add(" ra=", ra);
    fault_record_add(" tval=", csr_read(mtval));
    fault_record_end();
    hal_reset();
}

/* Never comes back, so nothing is saved. */
__attribute__((naked)) void fault_entry(void) {
    __asm__ volatile("mv a0, sp\n"
                     "mv a1, ra\n"
                     "la sp, fault_stack + %0\n"
                     "j fault_report\n" ::"i"(FAULT_STACK_BYTES));
}

_Noreturn void trap_unexpected(uint32_t number) {
    fault_record_begin("unexpected interrupt");
    fault_record_add(" irq=", number);
    fault_record_add(" pc=", csr_read(mepc));
    fault_record_end();
    hal_reset();
}

__attribute__((interrupt("machine"))) void interrupt_entry(void) {
    trap_interrupt(csr_read(mcause) & ~MCAUSE_INTERRUPT);
}
