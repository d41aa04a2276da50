/* Time: mtime never stops. The timer's interrupt is on in hal_idle() only, to end its sleep. */
#include "common/riscv/riscv.h"
#include "hal.h"
#include "parts.h"
#include "virt.h"

static uint64_t started;

static uint64_t mtime(void) {
    uint32_t high, low;
    do {
        high = MTIME[1];
        low = MTIME[0];
    } while (high != MTIME[1]);
    return (uint64_t)high << 32 | low;
}

void time_start(void) {
    started = mtime();
}

uint64_t hal_now_us(void) {
    return (mtime() - started) / MTIME_PER_US;
}

/* The high half is out of the way while the low one changes, or the alarm might go off in between. */
static void set_alarm(uint64_t at) {
    MTIMECMP[1] = UINT32_MAX;
    MTIMECMP[0] = (uint32_t)at;
    MTIMECMP[1] = (uint32_t)(at >> 32);
}

void hal_idle(uint64_t until_us) {
    if (until_us <= hal_now_us())
        return;
    uint64_t farthest = (UINT64_MAX - started) / MTIME_PER_US;
    set_alarm(started + (until_us < farthest ? until_us : farthest) * MTIME_PER_US);
    csr_set(mie, MIE_TIMER);
    wait_for_interrupt();
    csr_clear(mie, MIE_TIMER);
}
