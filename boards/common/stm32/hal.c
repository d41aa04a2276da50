#include "hal.h"

#include "clock.h"
#include "common/bare/life.h"
#include "time.h"
#include "uart.h"

/* In this order: the rest needs clocks, and waits by the time. */
void hal_init(void) {
    clock_start();
    time_start();
    life_start();
    uart_start();
}
