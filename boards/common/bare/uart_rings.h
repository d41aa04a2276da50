/* The rings between the loop and the UART's interrupt handler, and with them hal_uart_... of hal.h. The
 * registers are the family's. */
#ifndef WASMOTE_BARE_UART_RINGS_H
#define WASMOTE_BARE_UART_RINGS_H

#include <stdbool.h>
#include <stdint.h>

/* For the handler: a byte came, or the hardware dropped one. HAL_RAMCODE. */
void uart_rings_put(uint8_t byte);
void uart_rings_lost_one(void);

/* For the handler of a port that can hold its peer back: for how many bytes there is room. HAL_RAMCODE.
 */
uint32_t uart_rings_room(void);

/* For whoever sends, with interrupts locked: the next byte to send; false when there is none.
 * HAL_RAMCODE. */
bool uart_rings_get(uint8_t *byte);
bool uart_rings_waiting(void);

/* The family's: there are bytes to send. Called with interrupts locked; must not wait. */
void uart_send(void);

/* The family's: the hardware has sent all that it was given. */
bool uart_is_idle(void);

#endif
