#ifndef WASMOTE_STM32F4_GPIO_H
#define WASMOTE_STM32F4_GPIO_H

#include "stm32f4.h"

enum gpio_pull { GPIO_PULL_NONE, GPIO_PULL_UP, GPIO_PULL_DOWN };

static inline void gpio_pull(unsigned port, unsigned pin, enum gpio_pull pull) {
    GPIO(port)->PUPDR = (GPIO(port)->PUPDR & ~(3u << 2 * pin)) | (uint32_t)pull << 2 * pin;
}

/* Inlined, as a sensor may be read where nothing may be called that lies in flash (HAL_RAMCODE). */
static inline __attribute__((always_inline)) void gpio_mode(unsigned port, unsigned pin, uint32_t mode) {
    RCC->AHB1ENR |= RCC_AHB1ENR_GPIO(port);
    GPIO(port)->MODER = (GPIO(port)->MODER & ~(3u << 2 * pin)) | mode << 2 * pin;
}

/* Inputs of the ADC: 0-7 are PA0-7, 8 and 9 PB0 and 1, 10-15 PC0-5 (DS8626 table 7). */
static inline __attribute__((always_inline)) void gpio_make_analog(uint8_t input) {
    if (input < 8)
        gpio_mode(GPIO_PORT_A, input, GPIO_ANALOG);
    else if (input < 10)
        gpio_mode(GPIO_PORT_B, input - 8u, GPIO_ANALOG);
    else if (input < 16)
        gpio_mode(GPIO_PORT_C, input - 10u, GPIO_ANALOG);
}

static inline void gpio_input(unsigned port, unsigned pin, enum gpio_pull pull) {
    gpio_mode(port, pin, GPIO_INPUT);
    gpio_pull(port, pin, pull);
}

/* An alternate function with a pull-up, so that an unconnected receive line idles. */
static inline void gpio_alternate(unsigned port, unsigned pin, uint32_t function) {
    RCC->AHB1ENR |= RCC_AHB1ENR_GPIO(port);
    volatile uint32_t *afr = &GPIO(port)->AFR[pin / 8];
    *afr = (*afr & ~(15u << 4 * (pin % 8))) | function << 4 * (pin % 8);
    gpio_pull(port, pin, GPIO_PULL_UP);
    gpio_mode(port, pin, GPIO_ALTERNATE);
}

#endif
