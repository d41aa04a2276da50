/* What hal_init() starts, in this order, and what interrupts go to. */
#ifndef WASMOTE_ESP32C3_PARTS_H
#define WASMOTE_ESP32C3_PARTS_H

#include <stdbool.h>
#include <stdint.h>

void memory_protect(void);
void clock_start(void);
void flash_start(void);
void time_start(void);
void analog_start(void);
void ports_start(void);

/* Numbers of the core's interrupts; the matrix takes a source to one of them. Level-triggered. */
enum { INTERRUPT_USB = 2, INTERRUPT_UART0 = 3, INTERRUPT_WAKE = 4, INTERRUPT_ALARM = 5 };
void interrupt_enable(uint32_t source, uint32_t number);

/* Handlers: HAL_RAMCODE. */
void usb_handler(void);
void uart0_handler(void);
void wake_handler(void);
void alarm_handler(void);

/* Sleeps until an interrupt was handled; interrupts are locked before and after. */
void interrupt_wait(void);

/* After a handler had no room for what was received: there may be some now. True: something came.
 * Interrupts are locked. */
bool ports_listen(void);

/* The two ports of the link. `send` sends what it can at once, and the rest when the port interrupts. */
void usb_start(void);
void usb_send(void);
bool usb_listen(void);
void uart0_start(void);
void uart0_send(void);
bool usb_is_idle(void);
bool uart0_is_idle(void);

/* A port heard something: answers go there from now on. */
enum port { PORT_USB, PORT_UART0 };
void ports_heard(enum port port);

#endif
