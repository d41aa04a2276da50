#include "node/upkeep.h"

#include <stdbool.h>

#include "core/loop.h"
#include "hal.h"
#include "node/slot.h"
#include "store/commit.h"
#include "store/pool.h"

#define QUIET_US                                                                                        \
    1000000u /* after the last change: one that is followed by others is not worth an erase */
#define POLL_US 10000u

static struct loop_timer timer;
static bool bank_is_wanted;

static void see_to_it(void *arg) {
    (void)arg;
    if (slots_are_uploading()) {
        upkeep_of_records();
        return;
    }
    commit_make_room();
    bool goes_on = bank_is_wanted && pool_prepare() == WM_OK && pool_prepared() == WM_EAGAIN;
    bank_is_wanted = goes_on;
    if (goes_on)
        loop_timer_at(&timer, hal_now_us() + POLL_US, see_to_it, NULL);
}

void upkeep_of_records(void) {
    loop_timer_at(&timer, hal_now_us() + QUIET_US, see_to_it, NULL);
}

void upkeep_of_banks(void) {
    bank_is_wanted = true;
    upkeep_of_records();
}
