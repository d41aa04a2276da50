#include "flash_wait.h"

#include "chip.h"
#include "common/cortex_m/cortex_m.h"
#include "common/stm32/time.h"
#include "common/stm32/uart.h"

HAL_RAMCODE __attribute__((noinline)) static void wait_in_ram(uint32_t control) {
    chip_flash_begin(control);
    while (chip_flash_is_busy()) {
        link_handler();
        time_alarm();
        chip_watchdog_feed();
    }
}

void flash_wait_for(uint32_t control) {
    uint32_t state = irq_save();
    wait_in_ram(control);
    irq_restore(state);
}
