/* The link: the interrupt handler moves bytes between the UART and two rings and posts EVENT_UART,
 * nothing else. Everything that looks at the bytes happens in the loop. */
#include "board_config.h"
#include "chip.h"
#include "common/cortex_m/cortex_m4.h"
#include "common/ring.h"
#include "core/loop.h"
#include "hal.h"
#include "parts.h"

#ifndef HAL_UART_RX_BYTES
#define HAL_UART_RX_BYTES 2048 /* a power of two: 178 ms at 115200 baud, more than any event takes */
#endif
#ifndef HAL_UART_TX_BYTES
#define HAL_UART_TX_BYTES 1024
#endif

static uint8_t rx_bytes[HAL_UART_RX_BYTES];
static uint8_t tx_bytes[HAL_UART_TX_BYTES];
static struct ring rx = {.bytes = rx_bytes, .size = sizeof rx_bytes};
static struct ring tx = {.bytes = tx_bytes, .size = sizeof tx_bytes};
static volatile uint32_t overruns;

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

/* Bytes that the hardware or the ring had no room for are counted: /node shows them, and a link that
 * loses bytes is found by that. */
static void receive(uint32_t status) {
    if (status & UART_OVERRUN)
        overruns = overruns + 1;
    if (!ring_put(&rx, (uint8_t)UART->DATA))
        overruns = overruns + 1;
    loop_post(EVENT_UART);
}

/* The loop hears of room when half the ring is free, and when all of it is: not for every byte. */
static void transmit(void) {
    uint8_t byte;
    if (ring_get(&tx, &byte))
        UART->DATA = byte;
    else
        UART->CONTROL &= ~UART_SEND_INTERRUPT;
    if (ring_used(&tx) == sizeof tx_bytes / 2 || ring_used(&tx) == 0)
        loop_post(EVENT_UART);
}

void uart_handler(void);
void uart_handler(void) {
    uint32_t status = UART->STATUS;
    if (status & UART_RECEIVED)
        receive(status);
    if ((status & UART_CAN_SEND) && (UART->CONTROL & UART_SEND_INTERRUPT))
        transmit();
}

size_t hal_uart_read(uint8_t *out, size_t cap) {
    return ring_read(&rx, out, cap);
}

/* Never waits: what the ring has no room for is the caller's to bring again. The handler changes CONTROL
 * too, hence the lock. */
size_t hal_uart_write(const uint8_t *bytes, size_t len) {
    size_t done = ring_write(&tx, bytes, len);
    uint32_t state = irq_save();
    if (ring_used(&tx))
        UART->CONTROL |= UART_SEND_INTERRUPT;
    irq_restore(state);
    return done;
}

size_t hal_uart_write_space(void) {
    return ring_space(&tx);
}

uint32_t hal_uart_overruns(void) {
    return overruns;
}
