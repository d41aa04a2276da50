/* The link: the interrupt handler moves bytes between the UART and the two rings of common/bare, nothing
 * else. Everything that looks at the bytes happens in the loop. */
#include "board_config.h"
#include "common/bare/uart_rings.h"
#include "common/cortex_m/cortex_m.h"
#include "parts.h"
#include "registers.h"

static void make_uart_pin(unsigned port, unsigned pin) {
    SYS->PIN_FUNCTION[port] |= SYS_PIN_UART << pin;
}

/* Pins first, or the line carries a glitch. 8N1. A receive pin needs a pull-up: it may be unconnected.
 */
void uart_start(void) {
    make_uart_pin(BOARD_LINK_TX_PORT, BOARD_LINK_TX_PIN);
    make_uart_pin(BOARD_LINK_RX_PORT, BOARD_LINK_RX_PIN);
    UART->DIVIDER = (BOARD_CORE_HZ + BOARD_LINK_BAUD / 2) / BOARD_LINK_BAUD;
    UART->CONTROL = UART_ENABLE | UART_RECEIVE_INTERRUPT;
    nvic_enable(IRQ_UART);
}

/* Bytes that the hardware had no room for are counted as those that the ring had none for: /node shows
 * them, and a link that loses bytes is found by that. */
static void receive(uint32_t status) {
    if (status & UART_OVERRUN)
        uart_rings_lost_one();
    uart_rings_put((uint8_t)UART->DATA);
}

static void transmit(void) {
    uint8_t byte;
    if (uart_rings_get(&byte))
        UART->DATA = byte;
    else
        UART->CONTROL &= ~UART_SEND_INTERRUPT;
}

void uart_handler(void);
void uart_handler(void) {
    uint32_t status = UART->STATUS;
    if (status & UART_RECEIVED)
        receive(status);
    if ((status & UART_CAN_SEND) && (UART->CONTROL & UART_SEND_INTERRUPT))
        transmit();
}

/* Of the last byte too: what is reset while it sends has said nothing. */
bool uart_is_idle(void) {
    return UART->STATUS & UART_SENT_ALL;
}

/* Never waits. The handler changes CONTROL too: this is called with interrupts locked. */
void uart_send(void) {
    if (uart_rings_waiting())
        UART->CONTROL |= UART_SEND_INTERRUPT;
}
