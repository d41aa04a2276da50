/* Probation: what start or swap made active proves itself, or what ran before takes its place again. */
#include <stdio.h>
#include <string.h>

#include "node/intake.h"
#include "node/log.h"
#include "node/slot_table.h"
#include "node/upkeep.h"
#include "store/commit.h"
#include "store/erase.h"

bool slot_is_on_probation(int index) {
    return store_slot(index)->state == STORE_PROBATION;
}

bool slot_has_fallback(int index) {
    return slot_is_on_probation(index) && store_slot(index)->fallback != STORE_NO_BANK;
}

void slot_note_fallback(struct slot *slot, int index, const struct instance *before) {
    if (!slot_has_fallback(index)) {
        slot->fallback = (struct release_name){.name = ""};
    } else if (before && before->bank == store_slot(index)->fallback) {
        const struct manifest *m = &before->manifest;
        memcpy(slot->fallback.name, m->name, sizeof m->name);
        memcpy(slot->fallback.version, m->version, sizeof m->version);
        memcpy(slot->fallback.digest, m->digest, sizeof m->digest);
        slot->fallback.sequence = m->sequence;
    }
}

/* What runs though its record says that it is stopped is only watched: it proves nothing by itself. */
void slot_begin_probation(struct slot *slot, int index) {
    slot->probation_left = store_slot(index)->stopped ? 0 : slot->active->manifest.probation_events;
}

void slot_end_probation(struct slot *slot) {
    slot->probation_left = 0;
    slot->fallback.name[0] = 0;
    state_copy_drop(&slot->left);
}

/* ---- confirmed -------------------------------------------------------------------------- */

/* The number first: a cut of power between the two leaves a release that may come again, and none that
 * an older one could replace. */
static wm_status confirm(struct slot *slot, int index, char *why, size_t why_cap) {
    erase_wait();
    bool runs = slot_is_live(slot) || slot->restart.armed;
    wm_status status = intake_runs(&slot->active->manifest, why, why_cap);
    if (status == WM_OK && runs) /* one that was only watched, too */
        status = slot_refuse_record(commit_start(index), why, why_cap);
    if (status == WM_OK)
        status = slot_refuse_record(commit_confirm(index), why, why_cap);
    if (status)
        return status;
    slot_end_probation(slot);
    log_line(LOG_INFO, index, "confirmed %s %s", slot->active->manifest.name,
             slot->active->manifest.version);
    upkeep_of_banks();
    return WM_OK;
}

wm_status slot_confirm(int index, char *why, size_t why_cap) {
    if (!slot_is_on_probation(index) || !slot_at(index)->active)
        return slot_refuse(WM_EBUSY, why, why_cap, "nothing is on probation in this slot");
    return confirm(slot_at(index), index, why, why_cap);
}

void slot_count_event(struct slot *slot, int index) {
    char why[SLOT_WHY_CAP];
    if (slot->probation_left == 0 || --slot->probation_left > 0 || !slot_is_on_probation(index))
        return;
    if (confirm(slot, index, why, sizeof why))
        slot_remember(slot, index, why); /* from here on only somebody who asks for it confirms */
}

/* ---- rolled back ------------------------------------------------------------------------ */

/* What the record names now, in the place of what failed. */
static wm_status open_fallback(struct slot *slot, int index, char *why, size_t why_cap) {
    struct instance *instance = slot->active;
    int bank = store_slot(index)->active;
    return instance_open(instance, index, bank, store_bank(bank)->length, why, why_cap);
}

static wm_status run_fallback(struct slot *slot, struct span parameters, enum hand_over *handed,
                              char *why, size_t why_cap) {
    struct legacy legacy = state_copy_legacy(&slot->left);
    return slot_load_and_start(slot, slot->active, parameters, &legacy, &slot->left, handed, why,
                               why_cap);
}

static void say_what_came_back(const struct slot *slot, int index, enum hand_over handed) {
    const struct manifest *m = &slot->active->manifest;
    const char *with = handed == HAND_OVER_SAME ? "with its state of then"
                       : m->state_bytes         ? "anew: there is no copy of its state"
                                                : "anew: it declares no state";
    log_line(LOG_WARNING, index, "back to %s %s, %s", m->name, m->version, with);
}

/* Parameters are those of what failed, as in a swap. */
static void bring_back(struct slot *slot, int index) {
    char why[SLOT_WHY_CAP];
    uint8_t config[MODULE_CONFIG_MAX];
    struct span parameters = {config, slot->active->config_len};
    enum hand_over handed = HAND_OVER_NONE;
    memcpy(config, slot->active->config, slot->active->config_len);
    instance_close(slot->active);
    wm_status status = open_fallback(slot, index, why, sizeof why);
    if (status) {
        slot->active = NULL;
        slot->state = SLOT_QUARANTINED;
        commit_quarantine(index);
        slot_remember(slot, index, why);
        slot_settle_sensors();
        return;
    }
    status = run_fallback(slot, parameters, &handed, why, sizeof why);
    if (status) {
        slot_trapped(slot, index, why);
        return;
    }
    say_what_came_back(slot, index, handed);
    slot_now_running(slot, index, slot_number_anew);
}

static wm_status roll_back(struct slot *slot, int index, enum store_cause cause) {
    erase_wait();
    wm_status status = commit_roll_back(index, cause);
    if (status)
        return status;
    slot_restore_abandon(index);
    slot_cancel_restart(slot);
    bring_back(slot, index);
    slot_end_probation(slot);
    upkeep_of_banks();
    return WM_OK;
}

bool slot_fall_back(struct slot *slot, int index, enum store_cause cause) {
    return slot_has_fallback(index) && roll_back(slot, index, cause) == WM_OK;
}

wm_status slot_roll_back(int index, char *why, size_t why_cap) {
    struct slot *slot = slot_at(index);
    if (!slot_has_fallback(index) || !slot->active)
        return slot_refuse(WM_EBUSY, why, why_cap,
                           "nothing is on probation with a module to go back to");
    return slot_refuse_record(roll_back(slot, index, STORE_REQUESTED), why, why_cap);
}
