/* Core registers of the Cortex-M4, with the names of the ARMv7-M Architecture Reference Manual
 * (DDI 0403E, chapter B3) and of ST's programming manual PM0214. */
#ifndef WASMOTE_CORTEX_M_H
#define WASMOTE_CORTEX_M_H

#include <stdint.h>

struct systick {
    volatile uint32_t CSR, RVR, CVR, CALIB;
};
#define SYSTICK ((struct systick *)0xE000E010u)
#define SYSTICK_ENABLE 1u
#define SYSTICK_TICKINT 2u /* CLKSOURCE = 0: the reference clock, HCLK / 8 on STM32F4 */
#define SYSTICK_MAX 0xFFFFFFu

#define NVIC_ISER ((volatile uint32_t *)0xE000E100u)
#define NVIC_ICPR ((volatile uint32_t *)0xE000E280u)

struct scb {
    volatile uint32_t CPUID, ICSR, VTOR, AIRCR, SCR, CCR, SHPR1, SHPR2, SHPR3, SHCSR, CFSR, HFSR, DFSR,
        MMFAR, BFAR;
};
#define SCB ((struct scb *)0xE000ED00u)
#define SCB_ICSR_PENDSTCLR (1u << 25)
#define SCB_ICSR_PENDSTSET (1u << 26) /* SysTick's interrupt is pending */
#define SCB_SHPR3_SYSTICK_LAST (0xFFu << 24)
#define SCB_CPACR (*(volatile uint32_t *)0xE000ED88u)
#define SCB_CPACR_FPU (0xFu << 20) /* full access to CP10 and CP11 */
#define SCB_AIRCR_KEY (0x05FAu << 16)
#define SCB_AIRCR_SYSRESETREQ (1u << 2)
#define SCB_SHCSR_FAULTS (7u << 16) /* usage, bus and memory faults have handlers of their own */
#define SCB_CFSR_MMARVALID (1u << 7)
#define SCB_CFSR_BFARVALID (1u << 15)

static inline void nvic_enable(unsigned irq) {
    NVIC_ISER[irq / 32] = 1u << irq % 32;
}

/* No longer pending, unless its cause is still there. */
static inline void nvic_forget(unsigned irq) {
    NVIC_ICPR[irq / 32] = 1u << irq % 32;
}

static inline uint32_t irq_save(void) {
    uint32_t state;
    __asm__ volatile("mrs %0, primask\n cpsid i" : "=r"(state)::"memory");
    return state;
}

static inline void irq_restore(uint32_t state) {
    __asm__ volatile("msr primask, %0" ::"r"(state) : "memory");
}

static inline void wait_for_interrupt(void) {
    __asm__ volatile("dsb\n wfi" ::: "memory");
}

static inline _Noreturn void system_reset(void) {
    __asm__ volatile("dsb" ::: "memory");
    SCB->AIRCR = SCB_AIRCR_KEY | SCB_AIRCR_SYSRESETREQ;
    for (;;)
        __asm__ volatile("dsb" ::: "memory");
}

#endif
