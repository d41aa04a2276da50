/* The link's USART with a ring each way. The interrupt handler moves bytes and posts EVENT_UART. */
#include "uart.h"

#include "clock.h"
#include "common/ring.h"
#include "core/loop.h"
#include "common/cortex_m/cortex_m4.h"
#include "gpio.h"
#include "hal.h"
#include "usart.h"

#ifndef HAL_UART_RX_BYTES
#define HAL_UART_RX_BYTES 2048 /* 178 ms at 115200 baud; a power of two */
#endif
#ifndef HAL_UART_TX_BYTES
#define HAL_UART_TX_BYTES 1024
#endif
_Static_assert((HAL_UART_RX_BYTES & (HAL_UART_RX_BYTES - 1)) == 0, "a ring's size is a power of two");
_Static_assert((HAL_UART_TX_BYTES & (HAL_UART_TX_BYTES - 1)) == 0, "a ring's size is a power of two");

static uint8_t rx_bytes[HAL_UART_RX_BYTES];
static uint8_t tx_bytes[HAL_UART_TX_BYTES];
static struct ring rx = {.bytes = rx_bytes, .size = sizeof rx_bytes};
static struct ring tx = {.bytes = tx_bytes, .size = sizeof tx_bytes};
static volatile uint32_t overruns;

void uart_start(void) {
    gpio_alternate(BOARD_LINK_TX_PORT, BOARD_LINK_TX_PIN, BOARD_LINK_ALTERNATE);
    gpio_alternate(BOARD_LINK_RX_PORT, BOARD_LINK_RX_PIN, BOARD_LINK_ALTERNATE);
    LINK_ENABLE_REGISTER |= LINK_ENABLE_BIT;
    /* 16 times oversampling: BRR is the divider in sixteenths (RM0090 section 30.3.4). */
    LINK_USART->BRR = (LINK_BUS_HZ + BOARD_LINK_BAUD / 2) / BOARD_LINK_BAUD;
    LINK_USART->CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE | USART_CR1_RXNEIE;
    nvic_enable(IRQ_LINK);
}

/* Reading SR and then DR clears both flags. ORE: a byte came before the last was fetched. */
static void receive(uint32_t status) {
    uint8_t byte = (uint8_t)LINK_USART->DR;
    if (status & USART_SR_ORE)
        overruns = overruns + 1;
    if ((status & USART_SR_RXNE) && !ring_put(&rx, byte))
        overruns = overruns + 1;
    loop_post(EVENT_UART);
}

/* The loop hears of room when half the ring is free, and when all of it is. */
static void transmit(void) {
    uint8_t byte;
    if (ring_get(&tx, &byte))
        LINK_USART->DR = byte;
    else
        LINK_USART->CR1 &= ~USART_CR1_TXEIE;
    if (ring_used(&tx) == sizeof tx_bytes / 2 || ring_used(&tx) == 0)
        loop_post(EVENT_UART);
}

void link_handler(void) {
    uint32_t status = LINK_USART->SR;
    if (status & (USART_SR_RXNE | USART_SR_ORE))
        receive(status);
    if ((status & USART_SR_TXE) && (LINK_USART->CR1 & USART_CR1_TXEIE))
        transmit();
}

size_t hal_uart_read(uint8_t *out, size_t cap) {
    return ring_read(&rx, out, cap);
}

/* The first byte goes out at once where the transmitter is free, the interrupt handler sends the rest.
 * (QEMU's is always free and has no transmit interrupt: there everything goes this way.) */
static void start_transmitter(void) {
    uint32_t state = irq_save();
    while (ring_used(&tx) && (LINK_USART->SR & USART_SR_TXE))
        transmit();
    if (ring_used(&tx))
        LINK_USART->CR1 |= USART_CR1_TXEIE;
    irq_restore(state);
}

size_t hal_uart_write(const uint8_t *bytes, size_t len) {
    size_t done = ring_write(&tx, bytes, len);
    start_transmitter();
    return done;
}

size_t hal_uart_write_space(void) {
    return ring_space(&tx);
}

uint32_t hal_uart_overruns(void) {
    return overruns;
}
