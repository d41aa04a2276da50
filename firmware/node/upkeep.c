#include "node/upkeep.h"

#include "core/loop.h"
#include "hal.h"
#include "node/slot.h"
#include "store/commit.h"
#include "store/pool.h"

#define QUIET_US                                                                                        \
    1000000u /* after the last change: one that is followed by others is not worth an erase */
#define POLL_US 10000u

static struct loop_timer timer;

static void see_to_it(void *arg) {
    (void)arg;
    if (slots_are_uploading()) {
        upkeep_soon();
        return;
    }
    commit_make_room();
    if (pool_prepare() == WM_OK && pool_prepared() == WM_EAGAIN)
        loop_timer_at(&timer, hal_now_us() + POLL_US, see_to_it, NULL);
}

void upkeep_soon(void) {
    loop_timer_at(&timer, hal_now_us() + QUIET_US, see_to_it, NULL);
}
