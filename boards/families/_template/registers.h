/* The peripherals that we use, of a chip that nobody makes. In a real family: the names of its reference
 * manual, each block with its chapter, and only the registers and bits that are used. */
#ifndef WASMOTE_TEMPLATE_REGISTERS_H
#define WASMOTE_TEMPLATE_REGISTERS_H

#include <stdint.h>

/* ---- system control: clock, reset cause, pins, identity ---------------------------------------- */
struct sys {
    volatile uint32_t CLOCK, STATUS, RESETS, UNIQUE_ID[2], PIN_FUNCTION[16];
};
#define SYS ((struct sys *)0x40000000u)
#define SYS_CLOCK_CRYSTAL 1u
#define SYS_STATUS_CRYSTAL_READY 1u
#define SYS_STATUS_BUTTON 2u
#define SYS_RESETS_POWER 1u
#define SYS_RESETS_WATCHDOG 2u
#define SYS_RESETS_SOFTWARE 4u
#define SYS_PIN_UART 1u

/* ---- timer: counts microseconds, and interrupts from when COUNT has reached ALARM -------------- */
struct timer {
    volatile uint32_t COUNT, ALARM, CONTROL;
};
#define TIMER ((struct timer *)0x40001000u)
#define TIMER_RUN 1u
#define TIMER_ALARM_INTERRUPT 2u

/* ---- UART: one byte each way ------------------------------------------------------------------- */
struct uart {
    volatile uint32_t DATA, STATUS, CONTROL, DIVIDER;
};
#define UART ((struct uart *)0x40002000u)
#define UART_RECEIVED 1u
#define UART_OVERRUN 2u
#define UART_CAN_SEND 4u
#define UART_SENT_ALL 8u
#define UART_ENABLE 1u
#define UART_RECEIVE_INTERRUPT 2u
#define UART_SEND_INTERRUPT 4u

/* ---- flash: one word or one sector at a time ------------------------------------------------------ */
struct flash {
    volatile uint32_t ADDRESS, PROGRAM, ERASE, STATUS;
};
#define FLASH ((struct flash *)0x40006000u)
#define FLASH_STATUS_BUSY 1u
#define FLASH_STATUS_ERROR 2u

/* ---- watchdog, random numbers, temperature ------------------------------------------------------ */
struct watchdog {
    volatile uint32_t TIMEOUT_MS, FEED;
};
#define WATCHDOG ((struct watchdog *)0x40003000u)
struct rng {
    volatile uint32_t READY, WORD;
};
#define RNG ((struct rng *)0x40004000u)
struct thermometer {
    volatile uint32_t START, READY, TENTHS; /* of a degree */
};
#define THERMOMETER ((struct thermometer *)0x40005000u)

enum { IRQ_TIMER = 0, IRQ_UART = 1, IRQ_COUNT = 8 };

#endif
