/* The node's clock: monotonic time since start, plus the offset that PUT /time has set. */
#ifndef WASMOTE_CLOCK_H
#define WASMOTE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

/* What a time on the wire may be: years 1 to 9999 in ms since 1970, so that no sum overflows. */
#define CLOCK_MIN_MS INT64_C(-62135596800000)
#define CLOCK_MAX_MS INT64_C(253402300799999)

static inline bool clock_can_hold(int64_t time_ms) {
    return time_ms >= CLOCK_MIN_MS && time_ms <= CLOCK_MAX_MS;
}

/* The latest time that the wall clock may be set to, the end of year 9899: it runs on from there, and
 * has a century, more than a board lives, until it leaves what a time may be. */
#define CLOCK_SET_MAX_MS (CLOCK_MAX_MS - INT64_C(36524) * 86400000)

/* All of them within what a time may be: where the clock would leave that, it stands. */
int64_t clock_now_ms(void);
/* What it showed, or will show, at this hal_now_us(). */
int64_t clock_ms_at(uint64_t us);
/* WM_EINVAL: later than CLOCK_SET_MAX_MS, or no time at all; the clock goes on as it did. */
wm_status clock_set_ms(int64_t now_ms);
bool clock_is_set(void);

#endif
