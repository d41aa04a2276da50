/* The order in which things start. Time is in time.c, bytes in uart.c, drivers of sensors in sensors.c,
 * the rest of the registers in chip.c; common/ has what is the same on every board (bare: without an
 * operating system) and on every core (cortex_m). firmware/hal.h says what each function promises: the
 * comments here say what usually goes wrong. */
#include "hal.h"

#include "common/bare/life.h"
#include "parts.h"
#include "registers.h"

/* Every wait at start is bounded, in turns of a loop as nothing counts time yet, and has a fall-back:
 * here the internal oscillator, which runs from reset. A board whose crystal is broken then still says
 * so. */
static void clock_start(void) {
    SYS->CLOCK = SYS_CLOCK_CRYSTAL;
    for (uint32_t turns = 0; turns < 50000; turns++)
        if (SYS->STATUS & SYS_STATUS_CRYSTAL_READY)
            return;
    SYS->CLOCK = 0;
}

/* In this order: the rest needs clocks, and waits by the time. */
void hal_init(void) {
    clock_start();
    time_start();
    life_start();
    uart_start();
}
