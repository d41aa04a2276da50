/* The peripherals that we use: names and chapters of RM0351, the reference manual of STM32L475. */
#ifndef WASMOTE_STM32L4_H
#define WASMOTE_STM32L4_H

#include "common/stm32/stm32.h"

/* ---- flash interface, chapter 3 ------------------------------------------------------------ */
#define FLASH_ACR (*(volatile uint32_t *)0x40022000u)
#define FLASH_KEYR (*(volatile uint32_t *)0x40022008u)
#define FLASH_SR (*(volatile uint32_t *)0x40022010u)
#define FLASH_CR (*(volatile uint32_t *)0x40022014u)
#define FLASH_ECCR (*(volatile uint32_t *)0x40022018u)
#define FLASH_ACR_LATENCY 7u
#define FLASH_ACR_PRFTEN (1u << 8)
#define FLASH_ACR_ICEN (1u << 9)
#define FLASH_ECCR_ECCD (1u << 31) /* two bits were wrong; writing 1 clears it */

/* ---- reset and clock control, chapter 6 ---------------------------------------------------- */
struct rcc {
    volatile uint32_t CR, ICSCR, CFGR, PLLCFGR, PLLSAI1CFGR, PLLSAI2CFGR, CIER, CIFR, CICR, reserved0,
        AHB1RSTR, AHB2RSTR, AHB3RSTR, reserved1, APB1RSTR1, APB1RSTR2, APB2RSTR, reserved2, AHB1ENR,
        AHB2ENR, AHB3ENR, reserved3, APB1ENR1, APB1ENR2, APB2ENR, reserved4, AHB1SMENR, AHB2SMENR,
        AHB3SMENR, reserved5, APB1SMENR1, APB1SMENR2, APB2SMENR, reserved6, CCIPR, reserved7, BDCR, CSR;
};
#define RCC ((struct rcc *)0x40021000u)
#define RCC_CR_MSIRDY (1u << 1)
#define RCC_CR_MSIRGSEL (1u << 3)
#define RCC_CR_MSIRANGE (0xFu << 4)
#define RCC_CR_MSIRANGE_16M (8u << 4)
#define RCC_CR_HSION (1u << 8)
#define RCC_CR_HSIRDY (1u << 10)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_PLLCFGR_SRC_MSI 1u
#define RCC_PLLCFGR_SRC_HSI 2u
#define RCC_PLLCFGR_PLLQEN (1u << 20)
#define RCC_PLLCFGR_PLLQ_DIV4 (1u << 21)
#define RCC_PLLCFGR_PLLREN (1u << 24) /* divided by 2 */
#define RCC_CFGR_SW_HSI 1u
#define RCC_CFGR_SW_PLL 3u
#define RCC_CFGR_SWS (3u << 2)
#define RCC_AHB2ENR_GPIO(port) (1u << (port))
#define RCC_AHB2ENR_ADC (1u << 13)
#define RCC_AHB2ENR_RNG (1u << 18)
#define RCC_APB1ENR1_TIM2 (1u << 0)
#define RCC_CCIPR_CLK48_PLLQ (2u << 26)
#define RCC_CSR_RMVF (1u << 23)
#define RCC_CSR_PINRST (1u << 26)
#define RCC_CSR_BORRST (1u << 27)
#define RCC_CSR_SFTRST (1u << 28)
#define RCC_CSR_IWDGRST (1u << 29)
#define RCC_CSR_WWDGRST (1u << 30)

/* ---- general-purpose I/O, chapter 8 -------------------------------------------------------- */
struct gpio {
    volatile uint32_t MODER, OTYPER, OSPEEDR, PUPDR, IDR, ODR, BSRR, LCKR, AFR[2], BRR, ASCR;
};
#define GPIO(port) ((struct gpio *)(0x48000000u + 0x400u * (port)))
enum { GPIO_PORT_A, GPIO_PORT_B, GPIO_PORT_C };
enum { GPIO_INPUT, GPIO_OUTPUT, GPIO_ALTERNATE, GPIO_ANALOG };

/* ---- analog-to-digital converters, chapter 18 ---------------------------------------------- */
struct adc {
    volatile uint32_t ISR, IER, CR, CFGR, CFGR2, SMPR1, SMPR2, reserved0, TR1, TR2, TR3, reserved1, SQR1,
        SQR2, SQR3, SQR4, DR;
};
#define ADC1 ((struct adc *)0x50040000u)
#define ADC_CCR (*(volatile uint32_t *)0x50040308u)
#define ADC_CCR_HCLK_DIV4 (3u << 16)
#define ADC_CCR_VREFEN (1u << 22)
#define ADC_CCR_TSEN (1u << 23)
#define ADC_ISR_ADRDY (1u << 0)
#define ADC_ISR_EOC (1u << 2)
#define ADC_CR_ADEN (1u << 0)
#define ADC_CR_ADSTART (1u << 2)
#define ADC_CR_ADVREGEN (1u << 28)
#define ADC_CR_ADCAL (1u << 31)
#define ADC_SMPR_247_CYCLES                                                                             \
    0x36DB6DB6u /* all channels: 13 us a conversion at 20 MHz; the sensors need 5 */
#define ADC_SQR1_FIRST(channel) ((uint32_t)(channel) << 6)

/* ---- USART, chapter 40 ---------------------------------------------------------------------- */
struct usart {
    volatile uint32_t CR1, CR2, CR3, BRR, GTPR, RTOR, RQR, ISR, ICR, RDR, TDR;
};
#define USART1 ((struct usart *)0x40013800u)
#define USART2 ((struct usart *)0x40004400u)
#define USART3 ((struct usart *)0x40004800u)
#define USART_ISR_ORE (1u << 3)
#define USART_ISR_RXNE (1u << 5)
#define USART_ISR_TC (1u << 6)
#define USART_ISR_TXE (1u << 7)
#define USART_ICR_ORECF (1u << 3)
#define USART_CR1_UE (1u << 0)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_RXNEIE (1u << 5)
#define USART_CR1_TXEIE (1u << 7)

/* ---- device electronic signature, chapter 49; calibration, DS10969 table 8 ------------------- */
#define UNIQUE_ID ((const volatile uint8_t *)0x1FFF7590u)
enum { UNIQUE_ID_BYTES = 12 };
#define TS_CAL1 (*(const volatile uint16_t *)0x1FFF75A8u)     /* at 30 Cel */
#define VREFINT_CAL (*(const volatile uint16_t *)0x1FFF75AAu) /* at 30 Cel */
#define TS_CAL2 (*(const volatile uint16_t *)0x1FFF75CAu)     /* at 110 Cel */

/* ---- interrupts, table 57 -------------------------------------------------------------------- */
enum { IRQ_COUNT = 82 };

#endif
