/* What comes back after a reset. */
#include <stdio.h>

#include "hal.h"
#include "node/erases.h"
#include "node/log.h"
#include "node/slot_table.h"
#include "store/commit.h"

#define LIFE_US 10000000u /* of the node, after which a module's start was not what reset it */

static struct loop_timer life;

static void lived(void *arg) {
    (void)arg;
    for (int index = 0; index < MODULE_SLOTS; index++)
        commit_started(index);
}

void slots_await_life(void) {
    loop_timer_at(&life, hal_now_us() + LIFE_US, lived, NULL);
}

/* ---- opening ---------------------------------------------------------------------------- */

/* Rules may have changed since it was installed: a key has come, or gone. */
static wm_status open_and_judge(struct instance *instance, int index, int bank, char *why,
                                size_t why_cap) {
    wm_status status = instance_open(instance, index, bank, store_bank(bank)->length, why, why_cap);
    return status ? status : instance_judge(instance, why, why_cap);
}

static void open_candidate(struct slot *slot, int index) {
    char why[SLOT_WHY_CAP];
    int bank = store_slot(index)->candidate;
    if (bank == STORE_NO_BANK)
        return;
    if (open_and_judge(&slot->storage[1], index, bank, why, sizeof why) == WM_OK) {
        slot->candidate = &slot->storage[1];
        return;
    }
    slot_remember(slot, index, why);
    commit_drop_candidate(index);
}

static void open_active(struct slot *slot, int index) {
    char why[SLOT_WHY_CAP];
    int bank = store_slot(index)->active;
    if (bank == STORE_NO_BANK)
        return;
    wm_status status = open_and_judge(&slot->storage[0], index, bank, why, sizeof why);
    if (slot->storage[0].bank != STORE_NO_BANK)
        slot->active = &slot->storage[0];
    if (status) {
        slot_remember(slot, index, why);
        if (store_slot(index)->state != STORE_QUARANTINED)
            commit_quarantine(index);
    }
}

/* ---- starting --------------------------------------------------------------------------- */

static void start(struct slot *slot, int index) {
    char why[SLOT_WHY_CAP];
    const struct legacy none = {.state = NULL};
    enum hand_over handed;
    wm_status status = slot_load_and_start(slot, slot->active, slot_parameters_of(slot->active), &none,
                                           NULL, &handed, why, sizeof why);
    if (status)
        slot_trapped(slot, index, why);
    else
        slot_now_running(slot, index, slot_number_anew);
}

static void say_what_failed(int index) {
    static const char *const cause[] = {[STORE_TRAP] = "it trapped",
                                        [STORE_RESET] = "the node was reset while it was on probation",
                                        [STORE_BOOT] = "it did not come through its start",
                                        [STORE_REQUESTED] = "somebody asked for it"};
    const struct store_slot *record = store_slot(index);
    const uint8_t *id = record->failed;
    log_line(LOG_WARNING, index, "out of service: %02x%02x%02x%02x.., %s", id[0], id[1], id[2], id[3],
             cause[record->cause <= STORE_REQUESTED ? record->cause : STORE_BOOT]);
}

static void boot(struct slot *slot, int index, bool is_fault, bool starts) {
    struct store_slot before = *store_slot(index);
    wm_status status = commit_boot(index, !is_fault);
    const struct store_slot *record = store_slot(index);
    if (record->active != before.active || record->state != before.state)
        say_what_failed(index);
    open_active(slot, index);
    open_candidate(slot, index);
    if (!slot->active && record->state == STORE_EMPTY)
        return;
    slot->state = record->state == STORE_QUARANTINED ? SLOT_QUARANTINED : SLOT_STOPPED;
    if (slot->state == SLOT_QUARANTINED && !slot->why[0])
        slot_remember(slot, index,
                      status == WM_EDIGEST ? "the flash does not hold any more what was installed"
                                           : "did not come through its start, twice");
    if (slot->active && slot_is_on_probation(index))
        slot_begin_probation(slot, index);
    if (slot->state == SLOT_STOPPED && starts && !record->stopped)
        start(slot, index);
}

void slots_start(bool is_fault, bool starts) {
    erases_start();
    for (int index = 0; index < MODULE_SLOTS; index++) {
        struct slot *slot = slot_at(index);
        *slot = (struct slot){.state = SLOT_EMPTY};
        for (int i = 0; i < 2; i++)
            slot->storage[i].bank = STORE_NO_BANK;
        hal_watchdog_feed();
        boot(slot, index, is_fault, starts);
    }
    if (commit_make_room())
        log_line(LOG_ERROR, LOG_NODE, "the flash takes no records");
    slots_await_life();
}
