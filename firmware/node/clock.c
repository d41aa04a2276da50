#include "node/clock.h"

#include "hal.h"

static int64_t offset_ms;
static bool set;

static int64_t to_ms(uint64_t us) {
    return (int64_t)(us / 1000);
}

/* A reading that was taken before the clock was set to its first moment has none earlier, either. */
int64_t clock_ms_at(uint64_t us) {
    int64_t ms = to_ms(us) + offset_ms;
    if (ms < CLOCK_MIN_MS)
        return CLOCK_MIN_MS;
    return ms > CLOCK_MAX_MS ? CLOCK_MAX_MS : ms;
}

int64_t clock_now_ms(void) {
    return clock_ms_at(hal_now_us());
}

wm_status clock_set_ms(int64_t now_ms) {
    if (now_ms < CLOCK_MIN_MS || now_ms > CLOCK_SET_MAX_MS)
        return WM_EINVAL;
    offset_ms = now_ms - to_ms(hal_now_us());
    set = true;
    return WM_OK;
}

bool clock_is_set(void) {
    return set;
}
