/* The link is on two ports at once, USB and UART0: a board has a connector for one of them, and some
 * have both. Answers go to the port that was heard last, at first to that of the chip's own USB. */
#include "common/bare/uart_rings.h"
#include "hal.h"
#include "parts.h"

static enum port heard = PORT_USB;

void ports_start(void) {
    usb_start();
    uart0_start();
}

HAL_RAMCODE void ports_heard(enum port port) {
    heard = port;
}

bool ports_listen(void) {
    return usb_listen();
}

bool uart_is_idle(void) {
    return heard == PORT_USB ? usb_is_idle() : uart0_is_idle();
}

HAL_RAMCODE void uart_send(void) {
    if (heard == PORT_USB)
        usb_send();
    else
        uart0_send();
}
