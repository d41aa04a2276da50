#include "node/clock.h"

#include "hal.h"

static int64_t offset_ms;
static bool set;

static int64_t uptime_ms(void) {
    return (int64_t)(hal_now_us() / 1000);
}

int64_t clock_now_ms(void) {
    return uptime_ms() + offset_ms;
}

void clock_set_ms(int64_t now_ms) {
    offset_ms = now_ms - uptime_ms();
    set = true;
}

bool clock_is_set(void) {
    return set;
}
