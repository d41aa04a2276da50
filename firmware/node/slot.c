#include "node/slot.h"

#include <stdio.h>
#include <string.h>

#include "node/log.h"
#include "node/sensor.h"
#include "node/slot_table.h"
#include "node/stream.h"
#include "node/upkeep.h"
#include "store/commit.h"

static struct slot slots[MODULE_SLOTS];

struct slot *slot_at(int index) {
    return index >= 0 && index < MODULE_SLOTS ? &slots[index] : NULL;
}

bool slot_is_live(const struct slot *slot) {
    return slot->state == SLOT_RUNNING || slot->state == SLOT_PAUSED;
}

struct instance *slot_spare_storage(struct slot *slot) {
    return slot->active == &slot->storage[0] ? &slot->storage[1] : &slot->storage[0];
}

wm_status slot_refuse(wm_status status, char *why, size_t why_cap, const char *reason) {
    snprintf(why, why_cap, "%s", reason);
    return status;
}

wm_status slot_refuse_record(wm_status status, char *why, size_t why_cap) {
    if (status)
        snprintf(why, why_cap, "the flash did not take the record of it: nothing has changed");
    return status;
}

void slot_remember(struct slot *slot, int index, const char *why) {
    snprintf(slot->why, sizeof slot->why, "%s", why);
    log_line(LOG_ERROR, index, "%s", why);
}

/* ---- sensors in use --------------------------------------------------------------------- */

const struct manifest_input *slot_input_from(const struct instance *instance, int sensor) {
    for (uint32_t i = 0; instance && i < instance->manifest.input_count; i++)
        if (instance->sensor[i] == sensor)
            return &instance->manifest.input[i];
    return NULL;
}

void slot_settle_sensors(void) {
    for (int sensor = 0; sensor < SENSORS_MAX; sensor++) {
        uint32_t period_ms = SENSOR_PERIOD_MS;
        bool used = false;
        for (int index = 0; index < MODULE_SLOTS; index++) {
            const struct manifest_input *input = slot_input_from(slots[index].active, sensor);
            used = used || input;
            if (input && input->period_ms && input->period_ms < period_ms)
                period_ms = input->period_ms;
        }
        sensor_pace(sensor, period_ms);
        if (!used)
            sensor_remove(sensor);
    }
    sensors_check_rates();
}

/* ---- what needs no other module ---------------------------------------------------------- */

wm_status slot_drop_candidate(struct slot *slot, int index) {
    wm_status status = commit_drop_candidate(index);
    if (status || !slot->candidate)
        return status;
    instance_close(slot->candidate);
    slot->candidate = NULL;
    return WM_OK;
}

wm_status slot_stop(int index, char *why, size_t why_cap) {
    struct slot *slot = &slots[index];
    bool is_pending = slot->restart.armed;
    if (!slot_is_live(slot) && !is_pending)
        return slot_refuse(WM_EBUSY, why, why_cap, "nothing runs in this slot");
    wm_status status = commit_stop(index);
    if (status)
        return slot_refuse_record(status, why, why_cap);
    slot_cancel_restart(slot);
    instance_unload(slot->active);
    slot->state = SLOT_STOPPED;
    log_line(LOG_INFO, index, "stopped");
    upkeep_of_records();
    return WM_OK;
}

wm_status slot_pause(int index, char *why, size_t why_cap) {
    struct slot *slot = &slots[index];
    if (slot->state != SLOT_RUNNING)
        return slot_refuse(WM_EBUSY, why, why_cap, "nothing runs in this slot");
    slot->state = SLOT_PAUSED;
    return WM_OK;
}

wm_status slot_resume(int index, char *why, size_t why_cap) {
    struct slot *slot = &slots[index];
    if (slot->state != SLOT_PAUSED)
        return slot_refuse(WM_EBUSY, why, why_cap, "nothing is paused in this slot");
    slot->state = SLOT_RUNNING;
    return WM_OK;
}

static void forget(struct slot *slot) {
    slot_cancel_restart(slot);
    slot_end_probation(slot);
    slot->state = SLOT_EMPTY;
    slot->traps = 0;
    slot->row = 0;
    slot->missed = 0;
    slot->swapped = false;
    slot->why[0] = 0;
}

wm_status slot_remove(int index, char *why, size_t why_cap) {
    struct slot *slot = &slots[index];
    wm_status status = commit_remove(index);
    if (status)
        return slot_refuse_record(status, why, why_cap);
    slot_restore_abandon(index);
    slot_upload_abandon(index);
    if (slot->candidate)
        instance_close(slot->candidate);
    if (slot->active)
        instance_close(slot->active);
    slot->candidate = NULL;
    slot->active = NULL;
    forget(slot);
    streams_drop(index);
    slot_settle_sensors();
    upkeep_of_banks();
    return WM_OK;
}
