/* The peripherals that we use: names and chapters of RM0090, the reference manual of STM32F405/407.
 * The other chips' are the same at the same addresses; where they are not, it is in series.h.
 */
#ifndef WASMOTE_STM32F4_H
#define WASMOTE_STM32F4_H

#include "common/stm32/stm32.h"

/* ---- power control, chapter 5; flash interface, chapter 3 --------------------------------- */
#define PWR_CR (*(volatile uint32_t *)0x40007000u)
#define FLASH_ACR (*(volatile uint32_t *)0x40023C00u)
#define FLASH_KEYR (*(volatile uint32_t *)0x40023C04u)
#define FLASH_SR (*(volatile uint32_t *)0x40023C0Cu)
#define FLASH_CR (*(volatile uint32_t *)0x40023C10u)
#define FLASH_ACR_LATENCY 0xFu
#define FLASH_ACR_CACHES (7u << 8) /* PRFTEN, ICEN, DCEN */
#define FLASH_ACR_DCEN (1u << 10)
#define FLASH_ACR_DCRST (1u << 12)
#define FLASH_SR_BSY (1u << 16)

/* ---- reset and clock control, chapter 7 ---------------------------------------------------- */
struct rcc {
    volatile uint32_t CR, PLLCFGR, CFGR, CIR, AHB1RSTR, AHB2RSTR, AHB3RSTR, reserved0, APB1RSTR,
        APB2RSTR, reserved1[2], AHB1ENR, AHB2ENR, AHB3ENR, reserved2, APB1ENR, APB2ENR, reserved3[2],
        AHB1LPENR, AHB2LPENR, AHB3LPENR, reserved4, APB1LPENR, APB2LPENR, reserved5[2], BDCR, CSR;
};
#define RCC ((struct rcc *)0x40023800u)
#define RCC_CR_HSION (1u << 0)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_HSEBYP (1u << 18)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_PLLCFGR_SRC_HSE (1u << 22)
#define RCC_PLLCFGR_KEPT (0xFu << 28) /* PLLR of STM32F446, reserved elsewhere */
#define RCC_CFGR_SW_PLL 2u
#define RCC_CFGR_SWS (3u << 2)
#define RCC_CFGR_SWS_PLL (2u << 2)
#define RCC_CFGR_PPRE1_DIV4 (5u << 10)
#define RCC_CFGR_PPRE2_DIV2 (4u << 13)
#define RCC_AHB1ENR_GPIO(port) (1u << (port))
#define RCC_AHB2ENR_RNG (1u << 6)
#define RCC_APB1ENR_TIM2 (1u << 0)
#define RCC_APB1ENR_PWR (1u << 28)
#define RCC_APB2ENR_ADC1 (1u << 8)
#define RCC_APB2ENR_SYSCFG (1u << 14)
#define RCC_CSR_LSION (1u << 0)
#define RCC_CSR_RMVF (1u << 24)
#define RCC_CSR_BORRST (1u << 25)
#define RCC_CSR_PINRST (1u << 26)
#define RCC_CSR_PORRST (1u << 27)
#define RCC_CSR_SFTRST (1u << 28)
#define RCC_CSR_IWDGRST (1u << 29)
#define RCC_CSR_WWDGRST (1u << 30)

/* ---- system memory: the ROM with its loader (sections 2.4 and 9.2.1) ------------------------ */
#define SYSTEM_MEMORY ((const uint32_t *)0x1FFF0000u)
#define SYSCFG_MEMRMP (*(volatile uint32_t *)0x40013800u)
#define SYSCFG_MEMRMP_SYSTEM_MEMORY 1u

/* ---- general-purpose I/O, chapter 8 -------------------------------------------------------- */
struct gpio {
    volatile uint32_t MODER, OTYPER, OSPEEDR, PUPDR, IDR, ODR, BSRR, LCKR, AFR[2];
};
#define GPIO(port) ((struct gpio *)(0x40020000u + 0x400u * (port)))
enum { GPIO_PORT_A, GPIO_PORT_B, GPIO_PORT_C };
enum { GPIO_INPUT, GPIO_OUTPUT, GPIO_ALTERNATE, GPIO_ANALOG };

/* ---- analog-to-digital converter, chapter 13 ----------------------------------------------- */
struct adc {
    volatile uint32_t SR, CR1, CR2, SMPR1, SMPR2, JOFR[4], HTR, LTR, SQR1, SQR2, SQR3, JSQR, JDR[4], DR;
};
#define ADC1 ((struct adc *)0x40012000u)
#define ADC_CCR (*(volatile uint32_t *)0x40012304u)
#define ADC_CCR_DIV4 (1u << 16)
#define ADC_CCR_TSVREFE (1u << 23)
#define ADC_SR_EOC (1u << 1)
#define ADC_CR2_ADON (1u << 0)
#define ADC_CR2_SWSTART (1u << 30)
#define ADC_SMPR_480_CYCLES 0x3FFFFFFFu /* all channels: 23 us at 21 MHz; the sensors need 10 us */

/* ---- USART, chapter 30 ----------------------------------------------------------------------- */
struct usart {
    volatile uint32_t SR, DR, BRR, CR1, CR2, CR3, GTPR;
};
#define USART1 ((struct usart *)0x40011000u)
#define USART2 ((struct usart *)0x40004400u)
#define USART3 ((struct usart *)0x40004800u)
#define USART6 ((struct usart *)0x40011400u)
#define USART_SR_ORE (1u << 3)
#define USART_SR_RXNE (1u << 5)
#define USART_SR_TC (1u << 6)
#define USART_SR_TXE (1u << 7)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_RXNEIE (1u << 5)
#define USART_CR1_TXEIE (1u << 7)
#define USART_CR1_UE (1u << 13)

/* ---- device electronic signature, chapter 39 ----------------------------------------------------- */
#define UNIQUE_ID ((const volatile uint8_t *)0x1FFF7A10u)
enum { UNIQUE_ID_BYTES = 12 };

/* ---- interrupts, table 61 ---------------------------------------------------------------------- */
enum { IRQ_COUNT = 82 }; /* the last is the FPU's */

#endif
