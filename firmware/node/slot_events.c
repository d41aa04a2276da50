/* Events on their way to the modules in the slots, and what becomes of a module that traps in one. */
#include <string.h>

#include "node/slot_table.h"

#define ROW_ENDS_AFTER 16u /* events without a trap after which the next one is the first in a row */

static bool has_trapped(wm_status status) {
    return status == WM_ETRAP || status == WM_EBUDGET;
}

static void went_well(struct slot *slot, int index) {
    if (slot->row && ++slot->good >= ROW_ENDS_AFTER)
        slot->row = 0;
    if (!slot->active->event_refused) /* what it said is lost: that proves nothing */
        slot_count_event(slot, index);
}

/* True: another module runs now, the one that ran before. */
static bool check_event(struct slot *slot, int index, wm_status status, const char *why) {
    if (!has_trapped(status)) {
        went_well(slot, index);
        return false;
    }
    if (slot_has_fallback(index)) {
        slot->traps++;
        slot_remember(slot, index, why);
        if (slot_fall_back(slot, index, STORE_TRAP))
            return true;
        slot->traps--; /* the flash did not take it: as without a fallback */
    }
    slot_trapped(slot, index, why);
    return false;
}

/* Whoever keeps a module paused brings it what it gets, and wants to see it trapped. */
static void stays_trapped(struct slot *slot, int index, const char *why) {
    instance_unload(slot->active);
    state_copy_drop(&slot->before);
    slot->state = SLOT_TRAPPED;
    slot->traps++;
    slot_remember(slot, index, why);
}

wm_status slot_configure(int index, struct span chosen, char *why, size_t why_cap) {
    struct slot *slot = slot_at(index);
    if (!slot->active)
        return slot_refuse(WM_EBUSY, why, why_cap, "the slot is empty");
    slot_restore_abandon(index);
    uint32_t events = slot->active->events;
    if (slot_is_live(slot))
        state_copy_take(&slot->before, slot->active);
    wm_status status = instance_configure(slot->active, chosen, why, why_cap);
    if (slot->state == SLOT_PAUSED && has_trapped(status))
        stays_trapped(slot, index, why);
    else if (slot->active->events != events) /* a module without parameters gets none */
        check_event(slot, index, status, why);
    return status;
}

wm_status slot_event(int index, slot_event_runner *run, void *arg, char *why, size_t why_cap) {
    struct slot *slot = slot_at(index);
    if (slot->state != SLOT_PAUSED)
        return slot_refuse(WM_EBUSY, why, why_cap, "the slot is not paused");
    wm_status status = run(slot->active, arg, why, why_cap);
    if (has_trapped(status))
        stays_trapped(slot, index, why);
    return status;
}

/* ---- readings --------------------------------------------------------------------------- */

/* True: another module runs now, and has not had the reading. */
static bool deliver_to_input(struct slot *slot, int index, uint32_t input, int64_t time_ms,
                             const float *values, size_t channels) {
    char why[SLOT_WHY_CAP];
    state_copy_take(&slot->before, slot->active);
    wm_status status = instance_sample(slot->active, input, time_ms, values, channels, why, sizeof why);
    return check_event(slot, index, status, why);
}

static bool deliver(struct slot *slot, int index, int sensor, int64_t time_ms, const float *values,
                    size_t channels) {
    if (slot->state == SLOT_PAUSED && slot_input_from(slot->active, sensor))
        slot->missed++;
    bool another = false;
    for (uint32_t i = 0;
         !another && slot->state == SLOT_RUNNING && i < slot->active->manifest.input_count; i++)
        if (slot->active->sensor[i] == sensor)
            another = deliver_to_input(slot, index, i, time_ms, values, channels);
    return another;
}

void slots_deliver(int sensor, int64_t time_ms, const float *values, size_t channels) {
    for (int index = 0; index < MODULE_SLOTS; index++) {
        struct slot *slot = slot_at(index);
        if (deliver(slot, index, sensor, time_ms, values, channels))
            deliver(slot, index, sensor, time_ms, values, channels); /* to what ran before */
    }
}

static unsigned listening(int sensor, enum slot_state state) {
    unsigned count = 0;
    for (int index = 0; index < MODULE_SLOTS; index++)
        count += slot_at(index)->state == state && slot_input_from(slot_at(index)->active, sensor);
    return count;
}

bool slots_pause(int sensor) {
    return listening(sensor, SLOT_PAUSED) > 0;
}

unsigned slots_listening(int sensor) {
    return listening(sensor, SLOT_RUNNING);
}

void slots_tick(int64_t now_ms) {
    char why[SLOT_WHY_CAP];
    for (int index = 0; index < MODULE_SLOTS; index++) {
        struct slot *slot = slot_at(index);
        if (slot->state != SLOT_RUNNING || !runtime_wants_tick(&slot->active->runtime))
            continue;
        state_copy_take(&slot->before, slot->active);
        wm_status status = instance_tick(slot->active, now_ms, why, sizeof why);
        check_event(slot, index, status, why);
    }
}
