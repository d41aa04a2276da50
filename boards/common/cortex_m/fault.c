#include "fault.h"

#include <stdbool.h>
#include <stdint.h>

#include "common/bare/fault_record.h"
#include "cortex_m.h"

/* The handler brings its own stack: the fault may be that the other one is used up. */
static uint64_t fault_stack[48] __attribute__((used));

extern uint32_t __stack_limit[], __stack_top[];

static const char *exception_name(uint32_t number) {
    static const char *const names[] = {"reset",     "reset",    "NMI",       "HardFault",
                                        "MemManage", "BusFault", "UsageFault"};
    return number < sizeof names / sizeof names[0] ? names[number] : "unexpected interrupt";
}

/* What the core pushed on entry: r0-r3, r12, lr, pc, xpsr; not there when the push itself failed. */
static bool frame_is_readable(const uint32_t *frame) {
    return frame >= __stack_limit && frame + 8 <= __stack_top;
}

static _Noreturn void fault_report(const uint32_t *frame) __attribute__((used));
static _Noreturn void fault_report(const uint32_t *frame) {
    uint32_t number = SCB->ICSR & 0x1FFu;
    fault_record_begin(exception_name(number));
    if (number >= 16)
        fault_record_add(" irq=", number - 16);
    if (frame_is_readable(frame)) {
        fault_record_add(" pc=", frame[6]);
        fault_record_add(" lr=", frame[5]);
    } else {
        fault_record_add(" stack overflow, sp=", (uint32_t)(uintptr_t)frame);
    }
    uint32_t cfsr = SCB->CFSR;
    fault_record_add(" cfsr=", cfsr);
    if (cfsr & SCB_CFSR_BFARVALID)
        fault_record_add(" addr=", SCB->BFAR);
    else if (cfsr & SCB_CFSR_MMARVALID)
        fault_record_add(" addr=", SCB->MMFAR);
    fault_record_end();
    system_reset();
}

__attribute__((naked)) void fault_handler(void) {
    __asm__ volatile("mrs r0, msp\n"
                     "ldr r1, =fault_stack + %c0\n"
                     "msr msp, r1\n"
                     "b fault_report\n" ::"i"(sizeof fault_stack));
}
