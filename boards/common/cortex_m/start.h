/* The core's part of the vector table (ARMv7-M Architecture Reference Manual, section B1.5.2). A family
 * puts it in front of its interrupts, into the section .vectors. */
#ifndef WASMOTE_CORTEX_M_START_H
#define WASMOTE_CORTEX_M_START_H

#include <stddef.h>
#include <stdint.h>

#include "fault.h"

typedef void interrupt_handler(void);

struct core_vectors {
    uint32_t *stack;
    interrupt_handler *handlers[15];
};

extern uint32_t __stack_top[];

/* Where the core starts: fills RAM as C wants it, then calls main(). */
void reset_handler(void);

/* The family's: comes first after every reset, with RAM as that left it. It may end up elsewhere. */
void before_start(void);

/* The family's: what SysTick is used for. */
void systick_handler(void);

/* For .handlers; the core keeps the places without one for itself. */
#define CORE_HANDLERS CORE_HANDLERS_BUT(fault_handler)
#define CORE_HANDLERS_BUT(nmi)                                                                          \
    reset_handler, nmi, fault_handler, fault_handler, fault_handler, fault_handler, NULL, NULL, NULL,   \
        NULL, fault_handler, fault_handler, NULL, fault_handler, systick_handler

#endif
