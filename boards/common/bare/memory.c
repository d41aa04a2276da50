/* What start-up does to RAM, and the stack as hal.h asks for it; the symbols are the linker script's. */
#include "memory.h"

#include <stdint.h>

#include "hal.h"

/* What the unused stack is filled with, so that its high-water mark can be read. */
#define STACK_PATTERN 0x57A5C0DEu

extern uint32_t __stack_limit[], __stack_top[];
extern uint32_t __data_start[], __data_end[], __data_load[];
extern uint32_t __bss_start[], __bss_end[], __arena_start[], __arena_end[];

static void fill(uint32_t *from, const uint32_t *to, uint32_t value) {
    while (from < to)
        *from++ = value;
}

void memory_start(void) {
    /* Some words below the frame pointer may be in use by this function itself. */
    fill(__stack_limit, (uint32_t *)__builtin_frame_address(0) - 32, STACK_PATTERN);
    const uint32_t *load = __data_load;
    for (uint32_t *to = __data_start; to < __data_end;)
        *to++ = *load++;
    fill(__bss_start, __bss_end, 0);
    fill(__arena_start, __arena_end, 0);
}

const void *hal_stack_limit(void) {
    return __stack_limit;
}

size_t hal_stack_unused(void) {
    const uint32_t *word = __stack_limit;
    while (word < __stack_top && *word == STACK_PATTERN)
        word++;
    return (size_t)(word - __stack_limit) * sizeof *word;
}
