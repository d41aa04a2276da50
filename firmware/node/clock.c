#include "node/clock.h"

#include "hal.h"

static int64_t offset_ms;
static bool set;

static int64_t to_ms(uint64_t us) {
    return (int64_t)(us / 1000);
}

int64_t clock_ms_at(uint64_t us) {
    return to_ms(us) + offset_ms;
}

int64_t clock_now_ms(void) {
    return clock_ms_at(hal_now_us());
}

void clock_set_ms(int64_t now_ms) {
    offset_ms = now_ms - to_ms(hal_now_us());
    set = true;
}

bool clock_is_set(void) {
    return set;
}
