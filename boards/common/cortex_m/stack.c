/* The stack as hal.h asks for it: the linker script says where it lies, start-up fills it. */
#include "stack.h"

#include "hal.h"

extern uint32_t __stack_limit[], __stack_top[];

const void *hal_stack_limit(void) {
    return __stack_limit;
}

size_t hal_stack_unused(void) {
    const uint32_t *word = __stack_limit;
    while (word < __stack_top && *word == STACK_PATTERN)
        word++;
    return (size_t)(word - __stack_limit) * sizeof *word;
}
