#include "node/upkeep.h"

#include <stdbool.h>

#include "core/loop.h"
#include "hal.h"
#include "node/sampler.h"
#include "node/slot.h"
#include "store/commit.h"
#include "store/pool.h"

#define QUIET_US                                                                                        \
    1000000u /* after the last change: one that is followed by others is not worth an erase */
#define POLL_US 10000u

static struct loop_timer timer;
static bool bank_is_wanted;

static void see_to_it(void *arg);

static void look_again_in(uint32_t us) {
    loop_timer_at(&timer, hal_now_us() + us, see_to_it, NULL);
}

/* One erase, and only when nothing waits for it: the next one is another call's. */
static void see_to_it(void *arg) {
    (void)arg;
    if (slots_are_uploading())
        return; /* upkeep_of_...() comes when that ends */
    if (!upkeep_may_erase()) {
        look_again_in(POLL_US);
        return;
    }
    if (store_room() < COMMIT_RECORDS) {
        bool goes_on = commit_make_room() == WM_OK && bank_is_wanted;
        if (goes_on)
            look_again_in(POLL_US);
        return;
    }
    bank_is_wanted = bank_is_wanted && pool_prepare() == WM_OK && pool_prepared() == WM_EAGAIN;
    if (bank_is_wanted)
        look_again_in(POLL_US);
}

bool upkeep_may_erase(void) {
    return !sampler_has_next();
}

/* Changes that keep following each other do not put it off until a record finds no room. */
void upkeep_of_records(void) {
    look_again_in(store_room() < COMMIT_RECORDS / 2 ? 0 : QUIET_US);
}

void upkeep_of_banks(void) {
    bank_is_wanted = true;
    upkeep_of_records();
}
