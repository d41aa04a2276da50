#include "store/commit.h"

#include <string.h>

wm_status commit_make_room(void) {
    return store_make_room(COMMIT_RECORDS);
}

wm_status commit_install(int slot, struct bank_writer *writer, const uint8_t name[STORE_NAME_BYTES]) {
    wm_status status = pool_finish(writer, name);
    struct store_slot next = *store_slot(slot);
    next.candidate = (uint8_t)writer->bank;
    if (status == WM_OK)
        status = store_put_slot(slot, &next);
    pool_release(writer->bank);
    return status;
}

wm_status commit_drop_candidate(int slot) {
    struct store_slot next = *store_slot(slot);
    if (next.candidate == STORE_NO_BANK)
        return WM_OK;
    next.candidate = STORE_NO_BANK;
    return store_put_slot(slot, &next);
}

static wm_status activate(int slot, bool is_watched) {
    struct store_slot next = *store_slot(slot);
    if (next.candidate == STORE_NO_BANK)
        return WM_ENOENT;
    if (next.state == STORE_CONFIRMED)
        next.fallback = next.active;
    next.active = next.candidate;
    next.candidate = STORE_NO_BANK;
    next.state = STORE_PROBATION;
    next.attempts = 1;
    next.stopped = is_watched;
    return store_put_slot(slot, &next);
}

wm_status commit_activate(int slot) {
    return activate(slot, false);
}

wm_status commit_activate_watched(int slot) {
    return activate(slot, true);
}

wm_status commit_confirm(int slot) {
    struct store_slot next = *store_slot(slot);
    if (next.state != STORE_PROBATION)
        return WM_ENOENT;
    next.state = STORE_CONFIRMED;
    next.fallback = STORE_NO_BANK;
    next.attempts = 0;
    return store_put_slot(slot, &next);
}

/* What is active is taken out of service. */
static void note_failure(struct store_slot *slot, enum store_cause cause) {
    slot->cause = (uint8_t)cause;
    memcpy(slot->failed, store_bank(slot->active)->name, sizeof slot->failed);
}

static struct store_slot rolled_back(const struct store_slot *from, enum store_cause cause) {
    struct store_slot next = *from;
    note_failure(&next, cause);
    next.active = next.fallback;
    next.fallback = STORE_NO_BANK;
    next.state = next.active == STORE_NO_BANK ? STORE_EMPTY : STORE_CONFIRMED;
    next.attempts = 0;
    return next;
}

wm_status commit_roll_back(int slot, enum store_cause cause) {
    if (store_slot(slot)->state != STORE_PROBATION)
        return WM_ENOENT;
    struct store_slot next = rolled_back(store_slot(slot), cause);
    return store_put_slot(slot, &next);
}

wm_status commit_remove(int slot) {
    struct store_slot next = {.state = STORE_EMPTY,
                              .active = STORE_NO_BANK,
                              .candidate = STORE_NO_BANK,
                              .fallback = STORE_NO_BANK};
    return store_put_slot(slot, &next);
}

static bool same(const struct store_slot *a, const struct store_slot *b) {
    return memcmp(a, b, sizeof *a) == 0; /* bytes all of them: no padding */
}

static wm_status put_if_changed(int slot, const struct store_slot *next) {
    return same(next, store_slot(slot)) ? WM_OK : store_put_slot(slot, next);
}

wm_status commit_stop(int slot) {
    struct store_slot next = *store_slot(slot);
    next.stopped = 1;
    return put_if_changed(slot, &next);
}

wm_status commit_start(int slot) {
    struct store_slot next = *store_slot(slot);
    next.stopped = 0;
    if (next.state == STORE_QUARANTINED) {
        next.state = STORE_PROBATION;
        next.attempts = 1;
    }
    return put_if_changed(slot, &next);
}

static void quarantine(struct store_slot *slot) {
    slot->state = STORE_QUARANTINED;
    note_failure(slot, STORE_BOOT);
}

wm_status commit_quarantine(int slot) {
    struct store_slot next = *store_slot(slot);
    quarantine(&next);
    return store_put_slot(slot, &next);
}

/* ---- boot ------------------------------------------------------------------------------- */

static bool holds_module(const struct store_slot *slot) {
    return slot->state == STORE_CONFIRMED || slot->state == STORE_PROBATION;
}

static bool is_to_run(const struct store_slot *slot) {
    return holds_module(slot) && !slot->stopped;
}

/* One more start, unless power was what ended the one before. */
static void count_attempt(struct store_slot *slot, bool after_power_cut) {
    if (slot->attempts > 0 && after_power_cut)
        return;
    if (slot->attempts < COMMIT_ATTEMPTS_MAX) {
        slot->attempts++;
        return;
    }
    quarantine(slot);
}

wm_status commit_boot(int slot, bool after_power_cut) {
    struct store_slot next = *store_slot(slot);
    wm_status status = WM_OK;
    if (next.candidate != STORE_NO_BANK && !pool_check(next.candidate))
        next.candidate = STORE_NO_BANK;
    if (next.state == STORE_PROBATION && next.fallback != STORE_NO_BANK)
        next = rolled_back(&next, STORE_RESET);
    if (holds_module(&next) && !pool_check(next.active)) {
        status = WM_EDIGEST;
        quarantine(&next);
    }
    if (is_to_run(&next))
        count_attempt(&next, after_power_cut);
    wm_status written = put_if_changed(slot, &next);
    return status ? status : written;
}

wm_status commit_started(int slot) {
    struct store_slot next = *store_slot(slot);
    if (next.attempts == 0)
        return WM_OK;
    next.attempts = 0;
    return store_put_slot(slot, &next);
}
