/* The USART that the board's link is on (board.toml [link] `usart`): where it is, its clock, its
 * interrupt. */
#ifndef WASMOTE_STM32L4_USART_H
#define WASMOTE_STM32L4_USART_H

#include "board_config.h"
#include "stm32l4.h"

#if BOARD_LINK_USART == 1
#define LINK_USART USART1
#define LINK_ENABLE_REGISTER RCC->APB2ENR
#define LINK_ENABLE_BIT (1u << 14)
#define LINK_BUS_HZ clock_rates.apb2_hz
#define IRQ_LINK 37
#elif BOARD_LINK_USART == 2
#define LINK_USART USART2
#define LINK_ENABLE_REGISTER RCC->APB1ENR1
#define LINK_ENABLE_BIT (1u << 17)
#define LINK_BUS_HZ clock_rates.apb1_hz
#define IRQ_LINK 38
#elif BOARD_LINK_USART == 3
#define LINK_USART USART3
#define LINK_ENABLE_REGISTER RCC->APB1ENR1
#define LINK_ENABLE_BIT (1u << 18)
#define LINK_BUS_HZ clock_rates.apb1_hz
#define IRQ_LINK 39
#else
#error "board.toml: [link] usart must be 1, 2 or 3"
#endif

#endif
