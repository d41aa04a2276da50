/* The devices of QEMU's machine `virt` that we use (its source, hw/riscv/virt.c), each with the document
 * that describes it. */
#ifndef WASMOTE_VIRT_H
#define WASMOTE_VIRT_H

#include <stdint.h>

/* ---- core-local timer (SiFive CLINT): counts at 10 MHz, interrupts while MTIME >= MTIMECMP ------- */
#define MTIMECMP ((volatile uint32_t *)0x02004000u) /* low half, high half */
#define MTIME ((volatile uint32_t *)0x0200BFF8u)
#define MTIME_PER_US 10u
#define MIE_TIMER (1u << 7)

/* ---- platform-level interrupt controller; context 0 is our core in machine mode ------------------ */
#define PLIC_PRIORITY(source) (*(volatile uint32_t *)(0x0C000000u + 4u * (source)))
#define PLIC_ENABLE (*(volatile uint32_t *)0x0C002000u)
#define PLIC_THRESHOLD (*(volatile uint32_t *)0x0C200000u)
#define PLIC_CLAIM (*(volatile uint32_t *)0x0C200004u) /* read: the source, 0 for none; write: done */
#define MIE_EXTERNAL (1u << 11)
enum { INTERRUPT_TIMER = 7, INTERRUPT_EXTERNAL = 11 };
enum { SOURCE_UART = 10 };

/* ---- UART: a 16550A with FIFOs of 16 bytes ------------------------------------------------------- */
struct uart {
    volatile uint8_t DATA, IER, FCR, LCR, MCR, LSR;
};
#define UART ((struct uart *)0x10000000u)
#define UART_IER_RECEIVED 1u
#define UART_IER_CAN_SEND 2u
#define UART_FCR_FIFOS 7u /* on and empty; a receive interrupt for each byte */
#define UART_LCR_8N1 3u
#define UART_LSR_RECEIVED (1u << 0)
#define UART_LSR_OVERRUN (1u << 1)
#define UART_LSR_CAN_SEND (1u << 5)
#define UART_LSR_SENT_ALL (1u << 6)

/* ---- reset (SiFive test finisher) ----------------------------------------------------------------- */
#define FINISHER (*(volatile uint32_t *)0x00100000u)
#define FINISHER_RESET 0x7777u

#define RAM_END 0x88000000u /* QEMU's default of 128 MiB */

#endif
