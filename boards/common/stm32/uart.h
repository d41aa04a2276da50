#ifndef WASMOTE_STM32_UART_H
#define WASMOTE_STM32_UART_H

/* Starts the link's USART, 8N1, on the pins and with the rate that board.toml [link] names. */
void uart_start(void);

/* The USART's interrupt: for the vectors, and for whoever keeps interrupts locked. HAL_RAMCODE. */
void link_handler(void);

#endif
