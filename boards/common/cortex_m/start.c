/* The way from reset to main(); the symbols are the linker script's. */
#include "start.h"

#include "cortex_m4.h"
#include "stack.h"

extern uint32_t __vectors[], __stack_limit[];
extern uint32_t __data_start[], __data_end[], __data_load[];
extern uint32_t __bss_start[], __bss_end[], __arena_start[], __arena_end[];

int main(void);

static void fill(uint32_t *from, const uint32_t *to, uint32_t value) {
    while (from < to)
        *from++ = value;
}

/* No calls that touch the FPU or static data before all this is done. */
void reset_handler(void) {
    SCB_CPACR |= SCB_CPACR_FPU; /* without an FPU these bits are not there, and this does nothing */
    __asm__ volatile("dsb\n isb");
    /* Some words below the frame pointer may be in use by this function itself. */
    fill(__stack_limit, (uint32_t *)__builtin_frame_address(0) - 32, STACK_PATTERN);
    const uint32_t *load = __data_load;
    for (uint32_t *to = __data_start; to < __data_end;)
        *to++ = *load++;
    fill(__bss_start, __bss_end, 0);
    fill(__arena_start, __arena_end, 0);
    SCB->VTOR = (uint32_t)__vectors; /* a ROM boot loader starts us with its own at address 0 */
    SCB->SHCSR |= SCB_SHCSR_FAULTS;
    main();
    system_reset(); /* main() does not return */
}
