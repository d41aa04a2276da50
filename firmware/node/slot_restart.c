/* A module that traps is started again, twice in a row at most. */
#include <stdio.h>
#include <string.h>

#include "hal.h"
#include "node/log.h"
#include "node/slot_table.h"

#define ROW_MAX 3u       /* traps in a row that stop a module */
#define BACK_OFF_MS 500u /* after the first of them, twice as long after each further one */

static void restart(void *arg);

void slot_cancel_restart(struct slot *slot) {
    loop_timer_cancel(&slot->restart);
    state_copy_drop(&slot->before);
}

static uint64_t back_off_us(const struct slot *slot) {
    return (BACK_OFF_MS * UINT64_C(1000)) << (slot->row - 1);
}

void slot_trapped(struct slot *slot, int index, const char *why) {
    instance_unload(slot->active);
    slot->state = SLOT_TRAPPED;
    slot->traps++;
    slot->row++;
    slot->good = 0;
    slot_remember(slot, index, why);
    if (slot_is_on_probation(index))
        slot_begin_probation(slot, index);
    if (slot->row < ROW_MAX) {
        loop_timer_at(&slot->restart, hal_now_us() + back_off_us(slot), restart, slot);
        return;
    }
    state_copy_drop(&slot->before);
    log_line(LOG_ERROR, index, "stopped: trapped %u times in a row", (unsigned)slot->row);
}

/* First with the state from before the event that trapped, then without: the state may be the cause. */
static void restart(void *arg) {
    struct slot *slot = arg;
    int index = slot->active->slot;
    char why[SLOT_WHY_CAP];
    enum hand_over handed = HAND_OVER_NONE;
    struct legacy legacy = state_copy_legacy(&slot->before);
    if (slot->row > 1)
        legacy.state = NULL;
    wm_status status = slot_load_and_start(slot, slot->active, slot_parameters_of(slot->active), &legacy,
                                           &slot->before, &handed, why, sizeof why);
    state_copy_drop(&slot->before);
    if (status) {
        slot_trapped(slot, index, why);
        return;
    }
    log_line(LOG_WARNING, index, "started again after a trap, %s",
             handed == HAND_OVER_SAME ? "with its state from before" : "anew");
    slot_now_running(slot, index, slot_number_anew);
}
