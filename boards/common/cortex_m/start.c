/* The way from reset to main(). */
#include "start.h"

#include "common/bare/memory.h"
#include "cortex_m.h"

extern uint32_t __vectors[];

int main(void);

/* No calls that touch the FPU or static data before memory_start(), .noinit apart. */
void reset_handler(void) {
    before_start();
    SCB_CPACR |= SCB_CPACR_FPU; /* without an FPU these bits are not there, and this does nothing */
    __asm__ volatile("dsb\n isb");
    memory_start();
    SCB->VTOR = (uint32_t)__vectors; /* a ROM boot loader starts us with its own at address 0 */
    SCB->SHCSR |= SCB_SHCSR_FAULTS;
    main();
    system_reset(); /* main() does not return */
}
