/* The core: control and status registers with the names of the RISC-V privileged architecture,
 * version 1.12, chapter 3. */
#ifndef WASMOTE_RISCV_H
#define WASMOTE_RISCV_H

#include <stdint.h>

#define csr_read(name)                                                                                  \
    ({                                                                                                  \
        uint32_t csr_value;                                                                             \
        __asm__ volatile("csrr %0, " #name : "=r"(csr_value)::"memory");                                \
        csr_value;                                                                                      \
    })
#define csr_write(name, value) __asm__ volatile("csrw " #name ", %0" ::"r"(value) : "memory")
#define csr_set(name, bits) __asm__ volatile("csrs " #name ", %0" ::"r"(bits) : "memory")
#define csr_clear(name, bits) __asm__ volatile("csrc " #name ", %0" ::"r"(bits) : "memory")

#define MSTATUS_MIE 8u /* interrupts are taken at all */
#define MCAUSE_INTERRUPT (1u << 31)

static inline uint32_t irq_save(void) {
    uint32_t state;
    __asm__ volatile("csrrci %0, mstatus, %1" : "=r"(state) : "i"(MSTATUS_MIE) : "memory");
    return state & MSTATUS_MIE;
}

static inline void irq_restore(uint32_t state) {
    csr_set(mstatus, state);
}

/* Wakes for an interrupt that is pending and enabled in mie, though mstatus keeps it from being taken
 * (section 3.3.3); it is taken when the caller unlocks. */
static inline void wait_for_interrupt(void) {
    __asm__ volatile("wfi" ::: "memory");
}

#endif
