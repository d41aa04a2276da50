#ifndef WASMOTE_STM32F4_STACK_H
#define WASMOTE_STM32F4_STACK_H

/* What start-up fills the unused stack with, so that its high-water mark can be read. */
#define STACK_PATTERN 0x57A5C0DEu

#endif
