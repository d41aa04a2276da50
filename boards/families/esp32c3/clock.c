/* The core's clock: 160 MHz from the PLL, which the ROM has started for USB. Nothing else depends on it:
 * time, UART and watchdog count the crystal or clocks of their own. */
#include "board_config.h"
#include "esp32c3.h"
#include "parts.h"
#include "rom.h"

#define MHZ 1000000u
_Static_assert(BOARD_CORE_HZ == 160 * MHZ, "board.toml: [clock] core_hz: only 160 MHz is written here");

/* TRM section 6.2.4. */
void clock_start(void) {
    SYSTEM_CPU_PER_CONF =
        (SYSTEM_CPU_PER_CONF & ~SYSTEM_CPUPERIOD) | SYSTEM_CPUPERIOD_160MHZ | SYSTEM_PLL_480MHZ;
    SYSTEM_SYSCLK_CONF = SYSTEM_SYSCLK_XTAL_MHZ(BOARD_HSE_HZ / MHZ) | SYSTEM_SYSCLK_PLL;
    rom_set_cpu_mhz(BOARD_CORE_HZ / MHZ);
}
