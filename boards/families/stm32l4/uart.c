/* The link's USART: registers and interrupt; the rings are in common/bare. */
#include "common/stm32/uart.h"

#include "common/bare/uart_rings.h"
#include "common/cortex_m/cortex_m.h"
#include "common/stm32/clock.h"
#include "gpio.h"
#include "hal.h"
#include "usart.h"

void uart_start(void) {
    gpio_alternate(BOARD_LINK_TX_PORT, BOARD_LINK_TX_PIN, BOARD_LINK_ALTERNATE);
    gpio_alternate(BOARD_LINK_RX_PORT, BOARD_LINK_RX_PIN, BOARD_LINK_ALTERNATE);
    LINK_ENABLE_REGISTER |= LINK_ENABLE_BIT;
    LINK_USART->BRR = (LINK_BUS_HZ + BOARD_LINK_BAUD / 2) / BOARD_LINK_BAUD;
    LINK_USART->CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE | USART_CR1_RXNEIE;
    nvic_enable(IRQ_LINK);
}

/* ORE: a byte came before the last was fetched; it stays until it is cleared (RM0351 section 40.8.9). */
HAL_RAMCODE static void receive(uint32_t status) {
    if (status & USART_ISR_RXNE)
        uart_rings_put((uint8_t)LINK_USART->RDR);
    if (!(status & USART_ISR_ORE))
        return;
    LINK_USART->ICR = USART_ICR_ORECF;
    uart_rings_lost_one();
}

HAL_RAMCODE static void transmit(void) {
    uint8_t byte;
    if (uart_rings_get(&byte))
        LINK_USART->TDR = byte;
    else
        LINK_USART->CR1 &= ~USART_CR1_TXEIE;
}

HAL_RAMCODE void link_handler(void) {
    uint32_t status = LINK_USART->ISR;
    if (status & (USART_ISR_RXNE | USART_ISR_ORE))
        receive(status);
    if ((status & USART_ISR_TXE) && (LINK_USART->CR1 & USART_CR1_TXEIE))
        transmit();
}

bool uart_is_idle(void) {
    return LINK_USART->ISR & USART_ISR_TC;
}

void uart_send(void) {
    if (uart_rings_waiting())
        LINK_USART->CR1 |= USART_CR1_TXEIE;
}
