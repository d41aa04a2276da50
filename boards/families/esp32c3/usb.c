/* The USB serial port: bytes travel in packets of up to 64. What the chip does not take the host keeps,
 * so that nothing is lost while the receive ring is full. */
#include "common/bare/uart_rings.h"
#include "esp32c3.h"
#include "hal.h"
#include "parts.h"

/* A packet of all 64 would need an empty one behind it to tell the host that no more comes. */
#define PACKET_BYTES 63

void usb_start(void) {
    USB_SERIAL_JTAG->INT_ENA = USB_INT_OUT_RECV_PKT;
    interrupt_enable(SOURCE_USB, INTERRUPT_USB);
}

HAL_RAMCODE static void receive(void) {
    USB_SERIAL_JTAG->INT_CLR = USB_INT_OUT_RECV_PKT;
    while (USB_SERIAL_JTAG->EP1_CONF & USB_EP1_CONF_OUT_AVAIL) {
        if (uart_rings_room() == 0) {
            USB_SERIAL_JTAG->INT_ENA &= ~USB_INT_OUT_RECV_PKT;
            return;
        }
        uart_rings_put((uint8_t)USB_SERIAL_JTAG->EP1);
        ports_heard(PORT_USB);
    }
}

bool usb_listen(void) {
    if (USB_SERIAL_JTAG->INT_ENA & USB_INT_OUT_RECV_PKT || uart_rings_room() == 0)
        return false;
    USB_SERIAL_JTAG->INT_ENA |= USB_INT_OUT_RECV_PKT;
    receive();
    return true;
}

/* The host fetches a packet when it likes, and never while nobody has the port open: so this never
 * waits. */
HAL_RAMCODE void usb_send(void) {
    uint8_t byte;
    int sent = 0;
    if (!(USB_SERIAL_JTAG->EP1_CONF & USB_EP1_CONF_IN_FREE) || !uart_rings_waiting())
        return;
    USB_SERIAL_JTAG->INT_CLR = USB_INT_IN_EMPTY;
    while (sent < PACKET_BYTES && uart_rings_get(&byte)) {
        USB_SERIAL_JTAG->EP1 = byte;
        sent++;
    }
    USB_SERIAL_JTAG->EP1_CONF = USB_EP1_CONF_WR_DONE;
    USB_SERIAL_JTAG->INT_ENA |= USB_INT_IN_EMPTY;
}

/* The host has fetched the last packet. */
bool usb_is_idle(void) {
    return USB_SERIAL_JTAG->EP1_CONF & USB_EP1_CONF_IN_FREE;
}

HAL_RAMCODE void usb_handler(void) {
    uint32_t status = USB_SERIAL_JTAG->INT_ST;
    if (status & USB_INT_OUT_RECV_PKT)
        receive();
    if (status & USB_INT_IN_EMPTY) {
        USB_SERIAL_JTAG->INT_ENA &= ~USB_INT_IN_EMPTY;
        uart_send();
    }
}
