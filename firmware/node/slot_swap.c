/* Start and swap: how a module begins to run, alone or in the place of another. */
#include <stdio.h>
#include <string.h>

#include "hal.h"
#include "node/erases.h"
#include "node/intake.h"
#include "node/log.h"
#include "node/sensor.h"
#include "node/slot_table.h"
#include "node/stream.h"
#include "node/trace.h"
#include "node/upkeep.h"
#include "store/commit.h"
#include "store/erase.h"

static uint32_t from_zero(void *arg, const char *name) {
    (void)arg;
    (void)name;
    return 0;
}

const struct slot_numbering slot_number_anew = {from_zero, NULL};

bool slot_fits_in_place(const struct slot *slot, const struct instance *instance) {
    struct runtime_usage needs, gives;
    if (!slot->active || !runtime_is_loaded(&slot->active->runtime))
        return false;
    runtime_usage(&instance->runtime, &needs);
    runtime_usage(&slot->active->runtime, &gives);
    return needs.predicted_bytes > 0 && needs.predicted_bytes + slot->active->manifest.state_bytes <=
                                            runtime_arena_free() + gives.arena_bytes;
}

struct span slot_parameters_of(const struct instance *instance) {
    return instance ? (struct span){instance->config, instance->config_len} : (struct span){NULL, 0};
}

static wm_status load(struct instance *instance, const struct state_copy *kept, char *why,
                      size_t why_cap) {
    wm_status status = instance_load(instance, why, why_cap);
    if (status == WM_ENOMEM && slots_give_up_copies(kept))
        status = instance_load(instance, why, why_cap);
    return status;
}

wm_status slot_load_and_start(struct slot *slot, struct instance *instance, struct span parameters,
                              const struct legacy *legacy, const struct state_copy *kept,
                              enum hand_over *handed, char *why, size_t why_cap) {
    wm_status status = load(instance, kept, why, why_cap);
    if (status == WM_OK)
        status = instance_start(instance, parameters, legacy, handed, why, why_cap);
    if (status == WM_OK && instance == slot->candidate)
        status = intake_may_run(&instance->manifest, why, why_cap);
    return status;
}

/* ---- after it --------------------------------------------------------------------------- */

void slot_now_running(struct slot *slot, int index, struct slot_numbering numbering) {
    slot->state = SLOT_RUNNING;
    streams_adopt(index, &slot->active->manifest, numbering.first, numbering.arg);
    slot_settle_sensors();
    trace_adopt(index, slot->active);
    log_line(LOG_INFO, index, "running %s %s", slot->active->manifest.name,
             slot->active->manifest.version);
}

static void all_is_well(struct slot *slot, int index, struct slot_numbering numbering) {
    slot->why[0] = 0;
    slot->row = 0;
    slot_now_running(slot, index, numbering);
}

/* On error nothing is left of the attempt but the reason: a candidate that traps in its start is
 * dropped, so that it does not stand in the way of what was there before; one that only found no room,
 * or flash that took no record, stays for another try. */
static void take_back(struct slot *slot, int index, struct instance *instance, wm_status status,
                      const char *why) {
    instance_unload(instance);
    if (instance != slot->active)
        instance_unbind(instance);
    if (instance == slot->candidate && status != WM_ENOMEM && status != WM_EIO)
        slot_drop_candidate(slot, index);
    slot_remember(slot, index, why);
    slot_settle_sensors();
}

void slot_candidate_took_over(struct slot *slot, int index) {
    struct instance *old = slot->active;
    erases_came_to_something(&slot->candidate->manifest);
    slot->active = slot->candidate;
    slot->candidate = NULL;
    slot_note_fallback(slot, index, old);
    slot_begin_probation(slot, index);
    state_copy_drop(&slot->before);
    if (old)
        instance_close(old);
    slots_await_life();
}

/* ---- start ------------------------------------------------------------------------------ */

static wm_status refuse_start(const struct slot *slot, char *why, size_t why_cap) {
    if (slot_is_live(slot))
        return slot_refuse(WM_EBUSY, why, why_cap,
                           "the slot runs already: swap puts a candidate in its place");
    if (!slot->candidate && !slot->active)
        return slot_refuse(WM_EBUSY, why, why_cap, "the slot is empty: install a bundle first");
    return WM_OK;
}

static wm_status commit_a_start(const struct slot *slot, int index, char *why, size_t why_cap) {
    wm_status status = slot->candidate ? commit_activate(index) : commit_start(index);
    return slot_refuse_record(status, why, why_cap);
}

static wm_status judge_and_start(struct slot *slot, int index, struct instance *instance, char *why,
                                 size_t why_cap) {
    const struct legacy none = {.state = NULL}; /* what is stopped has only parameters */
    struct span parameters = slot_parameters_of(slot->active ? slot->active : instance);
    enum hand_over handed;
    wm_status status = WM_OK;
    if (slot->state == SLOT_QUARANTINED && instance == slot->active)
        status = instance_judge(instance, why, why_cap);
    if (status == WM_OK)
        status = slot_load_and_start(slot, instance, parameters, &none, NULL, &handed, why, why_cap);
    return status ? status : commit_a_start(slot, index, why, why_cap);
}

wm_status slot_start(int index, struct slot_numbering numbering, char *why, size_t why_cap) {
    struct slot *slot = slot_at(index);
    wm_status status = refuse_start(slot, why, why_cap);
    if (status)
        return status;
    struct instance *instance = slot->candidate ? slot->candidate : slot->active;
    slot_restore_abandon(index);
    slot_cancel_restart(slot);
    erase_wait();
    status = judge_and_start(slot, index, instance, why, why_cap);
    if (status) {
        take_back(slot, index, instance, status, why);
        return status;
    }
    for (uint32_t i = 0; i < instance->manifest.input_count; i++)
        sensor_begin_anew(instance->sensor[i]);
    if (instance == slot->candidate) {
        state_copy_drop(&slot->left);
        slot_candidate_took_over(slot, index);
    } else if (slot_is_on_probation(index)) {
        slot_begin_probation(slot, index);
    }
    all_is_well(slot, index, numbering);
    upkeep_of_records();
    return WM_OK;
}

/* ---- swap ------------------------------------------------------------------------------- */

/* What ran is loaded again from its bank, with its state, after its successor failed. */
static void go_back(struct slot *slot, int index, const struct legacy *legacy) {
    char why[SLOT_WHY_CAP];
    enum hand_over handed;
    wm_status status = slot_load_and_start(slot, slot->active, slot_parameters_of(slot->active), legacy,
                                           NULL, &handed, why, sizeof why);
    if (status == WM_OK) {
        trace_adopt(index, slot->active);
        return;
    }
    instance_unload(slot->active);
    slot->state = SLOT_STOPPED;
    slot_remember(slot, index, why);
}

/* The copy for a roll-back is of a confirmed module: a candidate that replaces one on probation falls
 * back to what that one would have. It takes over the room of the copy that is made before each event.
 */
static void keep_state(struct slot *slot, int index) {
    state_copy_drop(&slot->left);
    slot->left = slot->before;
    slot->before = (struct state_copy){.bytes = NULL};
    if (!state_copy_take(&slot->left, slot->active) && slot->active->manifest.state_bytes)
        log_line(LOG_WARNING, index, "no room to keep its state: a roll-back would begin anew");
}

static wm_status start_candidate(struct slot *slot, const struct legacy *legacy, enum hand_over *handed,
                                 char *why, size_t why_cap) {
    return slot_load_and_start(slot, slot->candidate, slot_parameters_of(slot->active), legacy, NULL,
                               handed, why, why_cap);
}

/* Where there is no room for both: the old one goes first, and leaves a copy of its state. */
static wm_status swap_in_place(struct slot *slot, int index, enum hand_over *handed, char *why,
                               size_t why_cap) {
    struct state_copy kept = {.bytes = NULL};
    if (!state_copy_take(&kept, slot->active) && slot->active->manifest.state_bytes)
        return slot_refuse(WM_ENOMEM, why, why_cap, "no room to keep the old state while swapping");
    struct legacy legacy = state_copy_legacy(&kept);
    bool is_for_roll_back = store_slot(index)->state == STORE_CONFIRMED;
    instance_unload(slot->active);
    wm_status status = start_candidate(slot, &legacy, handed, why, why_cap);
    if (status == WM_OK)
        status = slot_refuse_record(commit_activate(index), why, why_cap);
    if (status) {
        instance_unload(slot->candidate);
        go_back(slot, index, &legacy);
    } else if (is_for_roll_back) {
        slot->left = kept;
        return WM_OK;
    }
    state_copy_drop(&kept);
    return status;
}

static wm_status swap_beside(struct slot *slot, int index, enum hand_over *handed, char *why,
                             size_t why_cap) {
    struct legacy legacy;
    instance_leave(slot->active, &legacy);
    wm_status status = start_candidate(slot, &legacy, handed, why, why_cap);
    if (status)
        return status;
    bool is_for_roll_back = store_slot(index)->state == STORE_CONFIRMED;
    if (is_for_roll_back)
        keep_state(slot, index);
    status = slot_refuse_record(commit_activate(index), why, why_cap);
    if (status && is_for_roll_back)
        state_copy_drop(&slot->left);
    return status;
}

static wm_status try_to_swap(struct slot *slot, int index, enum hand_over *handed, char *why,
                             size_t why_cap) {
    wm_status status = swap_beside(slot, index, handed, why, why_cap);
    slot->in_place = status == WM_ENOMEM && slot_fits_in_place(slot, slot->candidate);
    if (slot->in_place)
        status = swap_in_place(slot, index, handed, why, why_cap);
    return status;
}

static void note_hand_over(struct slot *slot, int index, enum hand_over handed, const char *schema) {
    slot->handed = handed;
    if (handed == HAND_OVER_FRESH)
        log_line(LOG_WARNING, index,
                 "begins without the state of schema %s, which it does not take over", schema);
    else if (handed == HAND_OVER_MIGRATED)
        log_line(LOG_INFO, index, "has migrated the state of schema %s", schema);
}

wm_status slot_swap(int index, struct slot_numbering numbering, char *why, size_t why_cap) {
    struct slot *slot = slot_at(index);
    if (slot->state != SLOT_RUNNING || !slot->candidate)
        return slot_refuse(WM_EBUSY, why, why_cap, "a swap needs a running module and a candidate");
    erase_wait();
    uint64_t began = hal_now_us();
    enum hand_over handed = HAND_OVER_NONE;
    char schema[NAME_CAP];
    memcpy(schema, slot->active->manifest.state_schema, sizeof schema);
    wm_status status = try_to_swap(slot, index, &handed, why, why_cap);
    if (status) {
        take_back(slot, index, slot->candidate, status, why);
        return status;
    }
    slot_candidate_took_over(slot, index);
    slot->swapped = true;
    slot->swap_us = (uint32_t)(hal_now_us() - began);
    note_hand_over(slot, index, handed, schema);
    all_is_well(slot, index, numbering);
    return WM_OK;
}

/* ---- beside ----------------------------------------------------------------------------- */

static wm_status refuse_beside(const struct slot *slot, const struct slot *other, char *why,
                               size_t why_cap) {
    if (slot->state != SLOT_EMPTY || !slot->candidate)
        return slot_refuse(WM_EBUSY, why, why_cap,
                           "beside another it starts as the candidate of an empty slot");
    if (!other || other->state != SLOT_RUNNING)
        return slot_refuse(WM_EBUSY, why, why_cap, "nothing runs that it could start beside");
    return WM_OK;
}

static wm_status start_with_state_of(const struct slot *other, struct slot *slot, int index,
                                     enum hand_over *handed, char *why, size_t why_cap) {
    struct legacy legacy;
    struct span parameters = slot_parameters_of(other->active);
    instance_leave(other->active, &legacy);
    wm_status status =
        slot_load_and_start(slot, slot->candidate, parameters, &legacy, NULL, handed, why, why_cap);
    return status ? status : slot_refuse_record(commit_activate_watched(index), why, why_cap);
}

wm_status slot_start_beside(int index, int other, struct slot_numbering numbering, char *why,
                            size_t why_cap) {
    struct slot *slot = slot_at(index);
    enum hand_over handed = HAND_OVER_NONE;
    wm_status status = refuse_beside(slot, slot_at(other), why, why_cap);
    if (status)
        return status;
    slot_restore_abandon(index);
    erase_wait();
    status = start_with_state_of(slot_at(other), slot, index, &handed, why, why_cap);
    if (status) {
        take_back(slot, index, slot->candidate, status, why);
        return status;
    }
    slot_candidate_took_over(slot, index);
    slot->handed = handed;
    slot->swapped = true;
    slot->swap_us = 0;
    slot->in_place = false;
    all_is_well(slot, index, numbering);
    return WM_OK;
}
