/* What hal_init() starts, and what an interrupt of the PLIC goes to. */
#ifndef WASMOTE_RV32_VIRT_PARTS_H
#define WASMOTE_RV32_VIRT_PARTS_H

void time_start(void);
void uart_start(void);

/* Enables one source of the PLIC. */
void interrupts_enable(unsigned source);

void timer_handler(void);
void uart_handler(void);
uint64_t timer_first_us(void); /* the emulator's file: where the clock starts */
void timer_tick(void);         /* the emulator's file: the timer interrupted, at least twice a second */

#endif
