#ifndef WASMOTE_STM32L4_GPIO_H
#define WASMOTE_STM32L4_GPIO_H

#include "stm32l4.h"

enum gpio_pull { GPIO_PULL_NONE, GPIO_PULL_UP, GPIO_PULL_DOWN };

static inline void gpio_pull(unsigned port, unsigned pin, enum gpio_pull pull) {
    GPIO(port)->PUPDR = (GPIO(port)->PUPDR & ~(3u << 2 * pin)) | (uint32_t)pull << 2 * pin;
}

static inline __attribute__((always_inline)) void gpio_mode(unsigned port, unsigned pin, uint32_t mode) {
    RCC->AHB2ENR |= RCC_AHB2ENR_GPIO(port);
    GPIO(port)->MODER = (GPIO(port)->MODER & ~(3u << 2 * pin)) | mode << 2 * pin;
}

/* An analog pin reaches the ADC by a switch of its own (RM0351 section 8.5.12). */
static inline __attribute__((always_inline)) void gpio_analog(unsigned port, unsigned pin) {
    gpio_mode(port, pin, GPIO_ANALOG);
    GPIO(port)->ASCR |= 1u << pin;
}

/* Inputs of ADC1: 1-4 are PC0-3, 5-12 PA0-7, 13 and 14 PC4 and 5, 15 and 16 PB0 and 1 (DS10969 table
 * 15). */
static inline __attribute__((always_inline)) void gpio_make_analog(uint8_t input) {
    if (input >= 1 && input <= 4)
        gpio_analog(GPIO_PORT_C, input - 1u);
    else if (input >= 5 && input <= 12)
        gpio_analog(GPIO_PORT_A, input - 5u);
    else if (input == 13 || input == 14)
        gpio_analog(GPIO_PORT_C, input - 9u);
    else if (input == 15 || input == 16)
        gpio_analog(GPIO_PORT_B, input - 15u);
}

static inline void gpio_input(unsigned port, unsigned pin, enum gpio_pull pull) {
    gpio_mode(port, pin, GPIO_INPUT);
    gpio_pull(port, pin, pull);
}

/* An alternate function with a pull-up, so that an unconnected receive line idles. */
static inline void gpio_alternate(unsigned port, unsigned pin, uint32_t function) {
    RCC->AHB2ENR |= RCC_AHB2ENR_GPIO(port);
    volatile uint32_t *afr = &GPIO(port)->AFR[pin / 8];
    *afr = (*afr & ~(15u << 4 * (pin % 8))) | function << 4 * (pin % 8);
    gpio_pull(port, pin, GPIO_PULL_UP);
    gpio_mode(port, pin, GPIO_ALTERNATE);
}

#endif
