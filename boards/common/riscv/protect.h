/* Physical memory protection (RISC-V privileged architecture, section 3.7), for the machine mode that we
 * run in as well. */
#ifndef WASMOTE_RISCV_PROTECT_H
#define WASMOTE_RISCV_PROTECT_H

#include <stdint.h>

/* From here on, until the next reset: flash cannot be written, sram cannot be executed, and nothing can
 * be reached from the end of sram to `end`. A stack that overflows runs into flash, below sram, and is a
 * fault with a report and not a changed variable. The symbols are the linker script's. */
void protect_memory(uint32_t end);

#endif
