/* Where the core goes when something happens: faults are reported, interrupts are the family's. */
#ifndef WASMOTE_RISCV_TRAP_H
#define WASMOTE_RISCV_TRAP_H

#include <stdint.h>

/* The family's: handles the interrupt of this number in mcause. Runs with interrupts locked, on the
 * stack of what it interrupted. What nobody handles goes to trap_unexpected(). */
void trap_interrupt(uint32_t number);

/* Reports it as a fault, and resets. */
_Noreturn void trap_unexpected(uint32_t number);

#endif
