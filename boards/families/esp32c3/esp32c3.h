/* The peripherals that we use: names and addresses of the ESP32-C3's Technical Reference Manual (TRM),
 * as Espressif's esp32c3.svd has them too. */
#ifndef WASMOTE_ESP32C3_H
#define WASMOTE_ESP32C3_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* ---- system and memory (TRM chapter 3): where things are ---------------------------------------- */
#define FLASH_WINDOW 0x3C000000u     /* flash as data, through the cache; as code it is at 0x42000000 */
#define FLASH_WINDOW_BYTES 0x400000u /* what the ROM maps before it starts us */
#define IRAM_AS_DATA(address) ((address)-0x40380000u + 0x3FC80000u)

/* ---- UART0 (TRM chapter 26) ---------------------------------------------------------------------- */
struct uart {
    volatile uint32_t FIFO, INT_RAW, INT_ST, INT_ENA, INT_CLR, CLKDIV, RX_FILT, STATUS, CONF0, CONF1,
        reserved[17], FSM_STATUS, reserved2[2], CLK_CONF, reserved1, ID;
};
#define UART0 ((struct uart *)0x60000000u)
#define UART_INT_RXFIFO_FULL (1u << 0)
#define UART_INT_TXFIFO_EMPTY (1u << 1)
#define UART_INT_RXFIFO_OVF (1u << 4)
#define UART_INT_RXFIFO_TOUT (1u << 8)
#define UART_STATUS_RXFIFO_CNT(status) ((status)&0x3FFu)
#define UART_STATUS_TXFIFO_CNT(status) ((status) >> 16 & 0x3FFu)
#define UART_FSM_STATUS_ST_UTX_OUT (0xFu << 4) /* 0: no byte is on the line */
#define UART_FIFO_BYTES 128u
#define UART_CONF0_8N1 (3u << 2 | 1u << 4)
#define UART_CONF0_MEM_CLK_EN (1u << 28)
#define UART_CONF0_FIFO_RST (3u << 17)
#define UART_CONF1_RXFIFO_FULL_THRHD(bytes) (bytes)
#define UART_CONF1_TXFIFO_EMPTY_THRHD(bytes) ((bytes) << 9)
#define UART_CONF1_RX_TOUT_EN (1u << 21)
#define UART_CLK_CONF_XTAL (3u << 20 | 1u << 22 | 3u << 24) /* its clocks on, undivided */
#define UART_ID_REG_UPDATE (1u << 31)

/* ---- GPIO and IO MUX (TRM chapter 5) ------------------------------------------------------------ */
#define GPIO_IN REGISTER(0x6000403Cu)
#define GPIO_ENABLE_W1TC REGISTER(0x60004028u)
#define IO_MUX_GPIO(pin) REGISTER(0x60009004u + 4u * (pin))
#define IO_MUX_FUN_WPU (1u << 8)
#define IO_MUX_FUN_IE (1u << 9)
#define IO_MUX_FUN_WPD (1u << 7)
#define IO_MUX_FUNCTION_0 (0u << 12) /* UART0 on its pins */
#define IO_MUX_FUNCTION_GPIO (1u << 12)
enum { GPIO_U0RXD = 20, GPIO_U0TXD = 21 };

/* ---- low-power management: resets and the RTC's watchdogs (TRM chapters 9, 12) ------------------- */
#define RTC_CNTL_OPTIONS0 REGISTER(0x60008000u)
#define RTC_CNTL_SW_SYS_RST (1u << 31)
#define RTC_CNTL_RESET_STATE REGISTER(0x60008038u)
#define RTC_CNTL_RESET_CAUSE 0x3Fu
#define RTC_CNTL_WDTCONFIG0 REGISTER(0x60008090u)
#define RTC_CNTL_WDTCONFIG1 REGISTER(0x60008094u) /* time of stage 0, in cycles of the slow clock */
#define RTC_CNTL_WDTFEED REGISTER(0x600080A4u)
#define RTC_CNTL_WDTWPROTECT REGISTER(0x600080A8u)
#define RTC_CNTL_WDT_EN (1u << 31)
#define RTC_CNTL_WDT_STG0_RESET_CORE (3u << 28)
#define RTC_CNTL_WDT_RESET_LENGTHS (7u << 16 | 7u << 13)
#define RTC_CNTL_WDT_FEED (1u << 31)
#define RTC_CNTL_SWD_CONF REGISTER(0x600080ACu)
#define RTC_CNTL_SWD_WPROTECT REGISTER(0x600080B0u)
#define RTC_CNTL_SWD_AUTO_FEED_EN (1u << 31)
#define RTC_CNTL_OPTION1 REGISTER(0x600080F4u) /* a reset of the digital core keeps it */
#define RTC_CNTL_FORCE_DOWNLOAD_BOOT (1u << 0)
#define WDT_WKEY 0x50D83AA1u
#define SWD_WKEY 0x8F1D312Au

/* ---- timer groups: their watchdogs (TRM chapter 12) ---------------------------------------------- */
#define TIMG0 0x6001F000u
#define TIMG1 0x60020000u
#define TIMG_WDTCONFIG0(group) REGISTER((group) + 0x48u)
#define TIMG_WDTWPROTECT(group) REGISTER((group) + 0x64u)

/* ---- eFuse (TRM chapter 4) ----------------------------------------------------------------------- */
#define EFUSE_RD_REPEAT_DATA1 REGISTER(0x60008834u)
#define EFUSE_WDT_DELAY_SEL(data) ((data) >> 16 & 3u)
#define EFUSE_RD_MAC_SPI_SYS_0 REGISTER(0x60008844u) /* the last four bytes of the MAC address */
#define EFUSE_RD_MAC_SPI_SYS_1 REGISTER(0x60008848u) /* the first two */

/* ---- system timer (TRM chapter 10): counts at 16 MHz, whatever the core's clock ------------------ */
struct systimer {
    volatile uint32_t CONF, UNIT0_OP, UNIT1_OP, UNIT_LOAD[4];
    struct {
        volatile uint32_t HI, LO;
    } TARGET[3];
    volatile uint32_t TARGET_CONF[3], UNIT0_VALUE_HI, UNIT0_VALUE_LO, UNIT1_VALUE_HI, UNIT1_VALUE_LO,
        COMP_LOAD[3], UNIT0_LOAD, UNIT1_LOAD, INT_ENA, INT_RAW, INT_CLR, INT_ST;
};
#define SYSTIMER ((struct systimer *)0x60023000u)
#define SYSTIMER_CONF_RUN (1u << 31 | 1u << 30) /* registers clocked, unit 0 counts */
#define SYSTIMER_CONF_TARGET_EN(target) (1u << (24 - (target)))
#define SYSTIMER_UPDATE (1u << 30)
#define SYSTIMER_VALUE_VALID (1u << 29)
#define SYSTIMER_TICKS_PER_US_LOG2 4
#define SYSTIMER_VALUE_MASK ((UINT64_C(1) << 52) - 1)

/* ---- random number generator (TRM chapter 25) ----------------------------------------------------- */
#define RNG_DATA REGISTER(0x600260B0u)

/* ---- analog: SAR ADC and temperature sensor (TRM chapter 34) ----------------------------------- */
#define APB_SARADC_CTRL REGISTER(0x60040000u)
#define APB_SARADC_SAR_CLK_GATED (1u << 6)
#define APB_SARADC_ONETIME_SAMPLE REGISTER(0x60040020u)
#define APB_SARADC_ONETIME_ADC1 (1u << 31)
#define APB_SARADC_ONETIME_START (1u << 29)
#define APB_SARADC_ONETIME_CHANNEL(channel) ((channel) << 25)
#define APB_SARADC_ONETIME_ATTEN_11DB (3u << 23)
#define APB_SARADC_SAR1DATA_STATUS REGISTER(0x6004002Cu)
#define APB_SARADC_DATA(status) ((uint16_t)((status)&0xFFFu))
#define APB_SARADC_INT_RAW REGISTER(0x60040044u)
#define APB_SARADC_INT_CLR REGISTER(0x6004004Cu)
#define APB_SARADC_INT_ADC1_DONE (1u << 31)
#define APB_SARADC_CLKM_CONF REGISTER(0x60040054u)
#define APB_SARADC_CLKM_APB_BY_16 (2u << 21 | 15u)
#define APB_SARADC_TSENS_CTRL REGISTER(0x60040058u)
#define APB_SARADC_TSENS_PU (1u << 22)
#define APB_SARADC_TSENS_OUT(ctrl) ((uint16_t)((ctrl)&0xFFu))
#define APB_SARADC_TSENS_CTRL2 REGISTER(0x6004005Cu)
#define APB_SARADC_TSENS_CLK_XTAL (1u << 15)
#define ANA_CONFIG REGISTER(0x6000E044u) /* not in the TRM: esp-idf, soc/esp32c3/regi2c_defs.h */
#define ANA_CONFIG2 REGISTER(0x6000E048u)
#define ANA_I2C_SAR_FORCE_PD (1u << 18)
#define ANA_I2C_SAR_FORCE_PU (1u << 16)

/* ---- USB Serial/JTAG controller (TRM chapter 30) ----------------------------------------------- */
struct usb_serial_jtag {
    volatile uint32_t EP1, EP1_CONF, INT_RAW, INT_ST, INT_ENA, INT_CLR;
};
#define USB_SERIAL_JTAG ((struct usb_serial_jtag *)0x60043000u)
#define USB_EP1_CONF_WR_DONE (1u << 0)
#define USB_EP1_CONF_IN_FREE (1u << 1)
#define USB_EP1_CONF_OUT_AVAIL (1u << 2)
#define USB_INT_OUT_RECV_PKT (1u << 2)
#define USB_INT_IN_EMPTY (1u << 3)

/* ---- system registers: clocks (TRM chapters 6, 16) --------------------------------------------- */
#define SYSTEM_CPU_PER_CONF REGISTER(0x600C0008u)
#define SYSTEM_CPUPERIOD 3u
#define SYSTEM_CPUPERIOD_160MHZ 1u
#define SYSTEM_PLL_480MHZ (1u << 2)
#define SYSTEM_PERIP_CLK_EN0 REGISTER(0x600C0010u)
#define SYSTEM_APB_SARADC_CLK_EN (1u << 28)
#define SYSTEM_PERIP_CLK_EN1 REGISTER(0x600C0014u)
#define SYSTEM_TSENS_CLK_EN (1u << 10)
#define SYSTEM_PERIP_RST_EN1 REGISTER(0x600C001Cu)
#define SYSTEM_TSENS_RST (1u << 10)
#define SYSTEM_SYSCLK_CONF REGISTER(0x600C0058u)
#define SYSTEM_SYSCLK_PLL (1u << 10)
#define SYSTEM_SYSCLK_XTAL_MHZ(mhz) (1u << 19 | (mhz) << 12)

/* ---- interrupt matrix (TRM chapter 8) ---------------------------------------------------------- */
#define INTERRUPT_MAP(source) REGISTER(0x600C2000u + 4u * (source))
#define INTERRUPT_CPU_INT_ENABLE REGISTER(0x600C2104u)
#define INTERRUPT_CPU_INT_TYPE REGISTER(0x600C2108u) /* 0: level */
#define INTERRUPT_CPU_INT_PRI(number) REGISTER(0x600C2114u + 4u * (number))
#define INTERRUPT_CPU_INT_THRESH REGISTER(0x600C2194u)
enum { SOURCE_UART0 = 21, SOURCE_USB = 26, SOURCE_SYSTIMER_TARGET0 = 37, SOURCE_SYSTIMER_TARGET1 = 38 };

#endif
