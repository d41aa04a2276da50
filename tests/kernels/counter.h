/* Counts instructions in QEMU with `-icount shift=0`, where each takes 1 ns of virtual time. */
#ifndef WASMOTE_COUNTER_H
#define WASMOTE_COUNTER_H

#include <stdint.h>

#if defined(__arm__)
/* SysTick (Armv7-M Architecture Reference Manual, B3.3): 24 bits that count down. The clock of the MPS2
 * machines has 25 MHz: a tick is 40 instructions. */
#define SYST_CSR (*(volatile uint32_t *)0xe000e010)
#define SYST_RVR (*(volatile uint32_t *)0xe000e014)
#define SYST_CVR (*(volatile uint32_t *)0xe000e018)
#define COUNTER_MASK 0xffffffu
#define COUNTER_STEP 40u

static inline void counter_start(void) {
    SYST_RVR = COUNTER_MASK;
    SYST_CSR = 5; /* on, with the processor's clock, without its exception */
}

static inline uint32_t counter_ticks(void) {
    return COUNTER_MASK - SYST_CVR;
}

#elif defined(__riscv)
#define COUNTER_MASK UINT32_MAX
#define COUNTER_STEP 1u

static inline void counter_start(void) {
}

static inline uint32_t counter_ticks(void) {
    uint32_t count;
    __asm__ volatile("rdinstret %0" : "=r"(count));
    return count;
}

#else /* a host: checksums only */
#define COUNTER_MASK UINT32_MAX
#define COUNTER_STEP 0u

static inline void counter_start(void) {
}

static inline uint32_t counter_ticks(void) {
    return 0;
}
#endif

/* Since an earlier counter_ticks(). */
static inline uint32_t counter_since(uint32_t ticks) {
    return ((counter_ticks() - ticks) & COUNTER_MASK) * COUNTER_STEP;
}

#endif
