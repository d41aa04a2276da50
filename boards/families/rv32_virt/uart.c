/* The link: registers and interrupt; the rings are in common/bare. */
#include "common/bare/uart_rings.h"
#include "parts.h"
#include "virt.h"

void uart_start(void) {
    UART->LCR = UART_LCR_8N1;
    UART->FCR = UART_FCR_FIFOS;
    UART->IER = UART_IER_RECEIVED;
    interrupts_enable(SOURCE_UART);
}

static void receive(void) {
    for (uint8_t status; (status = UART->LSR) & UART_LSR_RECEIVED;) {
        if (status & UART_LSR_OVERRUN)
            uart_rings_lost_one();
        uart_rings_put(UART->DATA);
    }
}

/* Whatever goes out at once; the interrupt, which comes when the transmitter is free again, sends the
 * rest. */
void uart_send(void) {
    uint8_t byte;
    while ((UART->LSR & UART_LSR_CAN_SEND) && uart_rings_get(&byte))
        UART->DATA = byte;
    UART->IER = uart_rings_waiting() ? UART_IER_RECEIVED | UART_IER_CAN_SEND : UART_IER_RECEIVED;
}

bool uart_is_idle(void) {
    return UART->LSR & UART_LSR_SENT_ALL;
}

void uart_handler(void) {
    receive();
    if (UART->IER & UART_IER_CAN_SEND)
        uart_send();
}
