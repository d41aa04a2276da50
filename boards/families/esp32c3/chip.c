#include "common/bare/chip.h"

#include "board_config.h"
#include "common/bare/escape.h"
#include "esp32c3.h"

#define MAC_BYTES 6

/* The MAC address as it is printed on the module. */
size_t chip_unique_id(uint8_t *out, size_t cap) {
    uint64_t mac = (uint64_t)(EFUSE_RD_MAC_SPI_SYS_1 & 0xFFFFu) << 32 | EFUSE_RD_MAC_SPI_SYS_0;
    size_t len = MAC_BYTES < cap ? MAC_BYTES : cap;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(mac >> (8 * (MAC_BYTES - 1 - i)));
    return len;
}

/* TRM table 6-1. The pin CHIP_EN is power: there is no other reset pin. */
hal_reset_cause chip_reset_cause(void) {
    switch (RTC_CNTL_RESET_STATE & RTC_CNTL_RESET_CAUSE) {
    case 0x01: /* power, CHIP_EN */
    case 0x0F: /* brown-out */
        return HAL_RESET_POWER;
    case 0x03: /* of the digital core, by software */
    case 0x0C: /* of the core alone */
    case 0x10: /* RTC's watchdog, of the whole chip: ours does less, but esptool starts a chip so */
        return HAL_RESET_SOFTWARE;
    case 0x07: /* timer groups' watchdogs */
    case 0x08:
    case 0x0B:
    case 0x11:
    case 0x09: /* RTC's watchdog */
    case 0x0D:
    case 0x12: /* super watchdog */
        return HAL_RESET_WATCHDOG;
    default:
        return HAL_RESET_UNKNOWN;
    }
}

/* While radio and ADC are off, its noise is that of an oscillator (TRM section 25.3): fit for what
 * hal_random() promises, and no more. It is always ready. */
bool chip_entropy(uint32_t *word, uint32_t max_us) {
    (void)max_us;
    *word = RNG_DATA;
    return true;
}

static bool button_is_down(void) {
    return (GPIO_IN >> BOARD_ESCAPE_PIN & 1u) == BOARD_ESCAPE_ACTIVE;
}

/* The ROM looks at this pin, too, and then waits to be flashed - but after a power-on only, not after a
 * reset by software or watchdog. */
bool chip_escape(void) {
    GPIO_ENABLE_W1TC = 1u << BOARD_ESCAPE_PIN;
    IO_MUX_GPIO(BOARD_ESCAPE_PIN) =
        IO_MUX_FUNCTION_GPIO | IO_MUX_FUN_IE | (BOARD_ESCAPE_ACTIVE ? IO_MUX_FUN_WPD : IO_MUX_FUN_WPU);
    return escape_button(button_is_down);
}

/* Software can send every ESP32-C3 there, and the ROM listens on both ports of the link. The bit stays
 * until the loader's client clears it, or power goes: a reset alone ends in the loader again. */
bool chip_has_loader(void) {
    return BOARD_LOADER_HEARS_LINK;
}

void chip_choose_loader(void) {
    RTC_CNTL_OPTION1 |= RTC_CNTL_FORCE_DOWNLOAD_BOOT;
}

/* The RTC's watchdog counts an RC oscillator of 136 kHz, whatever becomes of the other clocks, within a
 * factor of two. An eFuse has it count 2, 4, 8 or 16 times what stage 0 says. It resets the digital core
 * and not the RTC, so the pin that selects the download mode is not looked at. */
#define SLOW_CLOCK_KHZ 136u

void chip_watchdog_start(uint32_t timeout_ms) {
    RTC_CNTL_WDTWPROTECT = WDT_WKEY;
    RTC_CNTL_WDTCONFIG1 =
        timeout_ms * SLOW_CLOCK_KHZ >> (1 + EFUSE_WDT_DELAY_SEL(EFUSE_RD_REPEAT_DATA1));
    RTC_CNTL_WDTCONFIG0 = RTC_CNTL_WDT_EN | RTC_CNTL_WDT_STG0_RESET_CORE | RTC_CNTL_WDT_RESET_LENGTHS;
    RTC_CNTL_WDTWPROTECT = 0;
    chip_watchdog_feed();
}

void chip_watchdog_feed(void) {
    RTC_CNTL_WDTWPROTECT = WDT_WKEY;
    RTC_CNTL_WDTFEED = RTC_CNTL_WDT_FEED;
    RTC_CNTL_WDTWPROTECT = 0;
}
