/* RAM as the linker script lays it out: stack, data, bss, arena. */
#ifndef WASMOTE_BARE_MEMORY_H
#define WASMOTE_BARE_MEMORY_H

/* Fills RAM as C wants it, and the unused stack with a pattern. Called before anything looks at static
 * data, with the stack pointer within the stack. .noinit stays as it is. */
void memory_start(void);

#endif
