/* Vector table and the way from reset to main(). */
#include <stddef.h>
#include <stdint.h>

#include "common/cortex_m/cortex_m4.h"
#include "common/cortex_m/fault.h"
#include "common/cortex_m/stack.h"
#include "usart.h"

extern uint32_t __stack_limit[], __stack_top[];
extern uint32_t __data_start[], __data_end[], __data_load[];
extern uint32_t __bss_start[], __bss_end[], __arena_start[], __arena_end[];

int main(void);
void reset_handler(void);

void systick_handler(void);
void link_handler(void);

static void fill(uint32_t *from, const uint32_t *to, uint32_t value) {
    while (from < to)
        *from++ = value;
}

typedef void handler(void);

/* Table 61 of RM0090 behind the 16 entries of the core. */
struct vector_table {
    uint32_t *stack;
    handler *core[15];
    handler *irq[IRQ_COUNT];
};

static const struct vector_table vectors;

/* No calls that touch the FPU or static data before all this is done. */
void reset_handler(void) {
    SCB_CPACR |= SCB_CPACR_FPU;
    __asm__ volatile("dsb\n isb");
    /* Some words below the frame pointer may be in use by this function itself. */
    fill(__stack_limit, (uint32_t *)__builtin_frame_address(0) - 32, STACK_PATTERN);
    const uint32_t *load = __data_load;
    for (uint32_t *to = __data_start; to < __data_end;)
        *to++ = *load++;
    fill(__bss_start, __bss_end, 0);
    fill(__arena_start, __arena_end, 0);
    SCB->VTOR = (uint32_t)&vectors; /* the ROM boot loader starts us with its own at address 0 */
    SCB->SHCSR |= SCB_SHCSR_FAULTS;
    main();
    system_reset(); /* main() does not return */
}

__attribute__((section(".vectors"), used)) static const struct vector_table vectors = {
    .stack = __stack_top,
    .core = {reset_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
             NULL, NULL, NULL, NULL, fault_handler, fault_handler, NULL, fault_handler, systick_handler},
    .irq = {[0 ... IRQ_LINK - 1] = fault_handler,
            [IRQ_LINK] = link_handler,
            [IRQ_LINK + 1 ... IRQ_COUNT - 1] = fault_handler},
};
