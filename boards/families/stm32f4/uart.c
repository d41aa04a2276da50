/* The link's USART: registers and interrupt; the rings are in common/bare. */
#include "common/stm32/uart.h"

#include "common/stm32/clock.h"
#include "common/bare/uart_rings.h"
#include "common/cortex_m/cortex_m.h"
#include "gpio.h"
#include "hal.h"
#include "usart.h"

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
HAL_RAMCODE static void receive(uint32_t status) {
    uint8_t byte = (uint8_t)LINK_USART->DR;
    if (status & USART_SR_ORE)
        uart_rings_lost_one();
    if (status & USART_SR_RXNE)
        uart_rings_put(byte);
}

HAL_RAMCODE static void transmit(void) {
    uint8_t byte;
    if (uart_rings_get(&byte))
        LINK_USART->DR = byte;
    else
        LINK_USART->CR1 &= ~USART_CR1_TXEIE;
}

HAL_RAMCODE void link_handler(void) {
    uint32_t status = LINK_USART->SR;
    if (status & (USART_SR_RXNE | USART_SR_ORE))
        receive(status);
    if ((status & USART_SR_TXE) && (LINK_USART->CR1 & USART_CR1_TXEIE))
        transmit();
}

bool uart_is_idle(void) {
    return LINK_USART->SR & USART_SR_TC;
}

/* The first byte goes out at once where the transmitter is free, the interrupt handler sends the rest.
 * (QEMU's is always free and has no transmit interrupt: there everything goes this way.) */
void uart_send(void) {
    while (uart_rings_waiting() && (LINK_USART->SR & USART_SR_TXE))
        transmit();
    if (uart_rings_waiting())
        LINK_USART->CR1 |= USART_CR1_TXEIE;
}
