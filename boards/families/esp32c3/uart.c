/* UART0 on its own pins, 8N1, counting the crystal. Its FIFO holds 11 ms at 115,200 baud. */
#include "board_config.h"
#include "common/bare/uart_rings.h"
#include "esp32c3.h"
#include "hal.h"
#include "parts.h"

#define RECEIVED (UART_INT_RXFIFO_FULL | UART_INT_RXFIFO_TOUT | UART_INT_RXFIFO_OVF)
#define DIVIDER_16THS ((16u * BOARD_HSE_HZ + BOARD_LINK_BAUD / 2) / BOARD_LINK_BAUD)

/* The receive pin has a pull-up: it may be unconnected. The ROM has let the last byte out. */
void uart0_start(void) {
    IO_MUX_GPIO(GPIO_U0RXD) = IO_MUX_FUNCTION_0 | IO_MUX_FUN_IE | IO_MUX_FUN_WPU;
    UART0->INT_ENA = 0;
    UART0->CLK_CONF = UART_CLK_CONF_XTAL;
    UART0->CLKDIV = DIVIDER_16THS / 16 | DIVIDER_16THS % 16 << 20;
    UART0->CONF0 = UART_CONF0_8N1 | UART_CONF0_MEM_CLK_EN | UART_CONF0_FIFO_RST;
    UART0->CONF0 = UART_CONF0_8N1 | UART_CONF0_MEM_CLK_EN;
    UART0->CONF1 =
        UART_CONF1_RXFIFO_FULL_THRHD(32u) | UART_CONF1_TXFIFO_EMPTY_THRHD(32u) | UART_CONF1_RX_TOUT_EN;
    UART0->ID |= UART_ID_REG_UPDATE;
    UART0->INT_CLR = UINT32_MAX;
    UART0->INT_ENA = RECEIVED;
    interrupt_enable(SOURCE_UART0, INTERRUPT_UART0);
}

HAL_RAMCODE static void receive(uint32_t status) {
    if (status & UART_INT_RXFIFO_OVF)
        uart_rings_lost_one();
    while (UART_STATUS_RXFIFO_CNT(UART0->STATUS)) {
        uart_rings_put((uint8_t)UART0->FIFO);
        ports_heard(PORT_UART0);
    }
    UART0->INT_CLR = RECEIVED;
}

HAL_RAMCODE void uart0_send(void) {
    uint8_t byte;
    while (UART_STATUS_TXFIFO_CNT(UART0->STATUS) < UART_FIFO_BYTES - 1 && uart_rings_get(&byte))
        UART0->FIFO = byte;
    UART0->INT_CLR = UART_INT_TXFIFO_EMPTY;
    UART0->INT_ENA = uart_rings_waiting() ? RECEIVED | UART_INT_TXFIFO_EMPTY : RECEIVED;
}

bool uart0_is_idle(void) {
    return UART_STATUS_TXFIFO_CNT(UART0->STATUS) == 0 &&
           !(UART0->FSM_STATUS & UART_FSM_STATUS_ST_UTX_OUT);
}

HAL_RAMCODE void uart0_handler(void) {
    uint32_t status = UART0->INT_ST;
    if (status & RECEIVED)
        receive(status);
    if (status & UART_INT_TXFIFO_EMPTY) {
        UART0->INT_ENA = RECEIVED;
        uart_send();
    }
}
