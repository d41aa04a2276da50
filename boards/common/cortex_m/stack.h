#ifndef WASMOTE_CORTEX_M_STACK_H
#define WASMOTE_CORTEX_M_STACK_H

#include <stdint.h>

/* What start-up fills the unused stack with, so that its high-water mark can be read. */
#define STACK_PATTERN 0x57A5C0DEu

#endif
