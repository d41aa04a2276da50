/* The order in which things start, and reset. */
#include "hal.h"

#include "common/bare/life.h"
#include "common/riscv/riscv.h"
#include "esp32c3.h"
#include "parts.h"

extern uint32_t __iram_start[], __iram_end[], __iram_load[];

/* Copied through the data bus, as the instruction bus of this memory is for fetching. */
static void load_iram(void) {
    const uint32_t *load = __iram_load;
    uint32_t *to = (uint32_t *)IRAM_AS_DATA((uint32_t)__iram_start);
    const uint32_t *end = (uint32_t *)IRAM_AS_DATA((uint32_t)__iram_end);
    while (to < end)
        *to++ = *load++;
    __asm__ volatile("fence" ::: "memory");
}

static void stop_timer_watchdog(uint32_t group) {
    TIMG_WDTWPROTECT(group) = WDT_WKEY;
    TIMG_WDTCONFIG0(group) = 0;
    TIMG_WDTWPROTECT(group) = 0;
}

/* The ROM leaves two watchdogs running for whoever it starts; the super watchdog feeds itself from here
 * on. Ours is the RTC's, which hal_watchdog_start() starts again (chip.c). */
static void stop_boot_watchdogs(void) {
    RTC_CNTL_WDTWPROTECT = WDT_WKEY;
    RTC_CNTL_WDTCONFIG0 = 0;
    RTC_CNTL_WDTWPROTECT = 0;
    RTC_CNTL_SWD_WPROTECT = SWD_WKEY;
    RTC_CNTL_SWD_CONF |= RTC_CNTL_SWD_AUTO_FEED_EN;
    RTC_CNTL_SWD_WPROTECT = 0;
    stop_timer_watchdog(TIMG0);
    stop_timer_watchdog(TIMG1);
}

/* In this order: faults go to iram, and the rest waits by the time. */
void hal_init(void) {
    load_iram();
    memory_protect();
    stop_boot_watchdogs();
    clock_start();
    flash_start();
    time_start();
    life_start();
    analog_start();
    ports_start();
    csr_set(mstatus, MSTATUS_MIE);
}

HAL_RAMCODE void hal_reset(void) {
    RTC_CNTL_OPTIONS0 |= RTC_CNTL_SW_SYS_RST;
    for (;;)
        ;
}
