/* Uploads: from the wire into a bank, and from there to a candidate. */
#include <stdio.h>
#include <string.h>

#include "hal.h"
#include "node/intake.h"
#include "node/slot_table.h"
#include "node/upkeep.h"
#include "store/commit.h"
#include "store/erase.h"
#include "store/pool.h"

/* The one that is under way. */
static struct {
    int slot; /* -1: none */
    struct bank_writer writer;
    struct intake intake;
} upload = {.slot = -1};

void slot_upload_abandon(int index) {
    if (upload.slot != index)
        return;
    upload.slot = -1;
    pool_abandon(&upload.writer);
    upkeep_of_records();
}

bool slots_are_uploading(void) {
    return upload.slot >= 0;
}

void slots_judge_again(void) {
    char why[SLOT_WHY_CAP];
    for (int index = 0; index < MODULE_SLOTS; index++) {
        struct slot *slot = slot_at(index);
        slot_upload_abandon(index);
        slot_restore_abandon(index);
        if (!slot->candidate || instance_judge(slot->candidate, why, sizeof why) == WM_OK)
            continue;
        slot_remember(slot, index, why);
        slot_drop_candidate(slot, index);
        upkeep_of_banks();
    }
}

/* ---- a bank ----------------------------------------------------------------------------- */

bool slot_upload_is_ready(const uint8_t *first, size_t len) {
    bool is_bank_there = pool_prepared() == WM_OK || pool_begins_with(first, len);
    return is_bank_there && store_room() >= COMMIT_RECORDS;
}

static wm_status refuse_bank(wm_status status, char *why, size_t why_cap) {
    return slot_refuse(status, why, why_cap,
                       status == WM_EBUSY ? "every bank is in use: confirm or roll back what is on "
                                            "probation, swap or delete another candidate first"
                                          : "no bank can be erased: the flash reports an error");
}

/* Each call begins one erase at most. */
static wm_status prepare_room(bool readings_first) {
    if (store_room() >= COMMIT_RECORDS)
        return WM_OK;
    if (readings_first && !upkeep_may_erase())
        return WM_EAGAIN;
    wm_status status = commit_make_room();
    return status ? status : WM_EAGAIN;
}

static wm_status prepare_bank(bool readings_first) {
    wm_status status = pool_prepared();
    if (status != WM_ENOENT)
        return status;
    if (readings_first && !upkeep_may_erase())
        return WM_EAGAIN;
    status = pool_prepare();
    return status ? status : pool_prepared();
}

wm_status slot_upload_prepare(int index, bool readings_first, char *why, size_t why_cap) {
    struct slot *slot = slot_at(index);
    slot_upload_abandon(index);
    wm_status status = slot_drop_candidate(slot, index);
    if (status == WM_OK)
        status = prepare_room(readings_first);
    if (status == WM_EAGAIN)
        return status;
    if (status)
        return slot_refuse_record(status, why, why_cap);
    status = prepare_bank(readings_first);
    if (status == WM_ENOENT)
        return WM_EAGAIN; /* that sector was bad: the next one */
    return status == WM_OK || status == WM_EAGAIN ? status : refuse_bank(status, why, why_cap);
}

static wm_status begin_upload(struct slot *slot, int index, const uint8_t *first, size_t len, char *why,
                              size_t why_cap) {
    for (int other = 0; other < MODULE_SLOTS; other++)
        slot_upload_abandon(other);
    wm_status status = slot_drop_candidate(slot, index);
    if (status)
        return slot_refuse_record(status, why, why_cap);
    if (pool_begins_with(first, len))
        pool_take_again(&upload.writer);
    else
        status = pool_take(&upload.writer);
    erase_wait();
    if (status == WM_OK)
        status = pool_erased(&upload.writer);
    if (status)
        return refuse_bank(status, why, why_cap);
    upload.slot = index;
    intake_begin(&upload.intake);
    return WM_OK;
}

/* ---- blocks ----------------------------------------------------------------------------- */

static wm_status store_block(uint32_t offset, const uint8_t *bytes, size_t len, char *why,
                             size_t why_cap) {
    wm_status status =
        offset == upload.writer.length ? pool_append(&upload.writer, bytes, len) : WM_EINVAL;
    if (status == WM_ENOMEM)
        snprintf(why, why_cap, "a bank holds %u bytes", (unsigned)MODULE_BANK_BYTES);
    else if (status == WM_EIO)
        snprintf(why, why_cap, "the flash did not take the block at %u", (unsigned)offset);
    else if (status)
        snprintf(why, why_cap, "block at %u does not follow what was received", (unsigned)offset);
    return status == WM_EINVAL ? WM_EAGAIN : status;
}

static wm_status look(bool more, char *why, size_t why_cap) {
    const uint8_t *window = pool_map(upload.writer.bank, upload.writer.length);
    if (!window && upload.writer.length)
        return slot_refuse(WM_EIO, why, why_cap, "the flash cannot be read");
    wm_status status = intake_look(&upload.intake, window, upload.writer.length, more, why, why_cap);
    hal_flash_unmap(window);
    return status;
}

/* ---- the candidate ---------------------------------------------------------------------- */

/* Loaded once and unloaded again: what cannot run is refused at install, not at the swap. */
static wm_status try_to_load(struct slot *slot, struct instance *instance, char *why, size_t why_cap) {
    wm_status status = instance_load(instance, why, why_cap);
    if (status == WM_ENOMEM && !slot_fits_in_place(slot, instance) && slots_give_up_copies(NULL))
        status = instance_load(instance, why, why_cap);
    if (status == WM_ENOMEM && slot_fits_in_place(slot, instance))
        status = WM_OK; /* the swap will put it in the place of what runs */
    instance_unload(instance);
    return status;
}

static wm_status commit_upload(int index, const struct instance *instance, char *why, size_t why_cap) {
    wm_status status = commit_install(index, &upload.writer, instance->manifest.digest);
    if (status == WM_EDIGEST)
        return slot_refuse(WM_EIO, why, why_cap, "the flash does not hold what was written to it");
    return slot_refuse_record(status, why, why_cap);
}

static wm_status make_candidate(struct slot *slot, int index, char *why, size_t why_cap) {
    struct instance *instance = slot_spare_storage(slot);
    wm_status status =
        instance_open(instance, index, upload.writer.bank, upload.writer.length, why, why_cap);
    if (status)
        return status;
    status = try_to_load(slot, instance, why, why_cap);
    if (status == WM_OK)
        status = commit_upload(index, instance, why, why_cap);
    if (status) {
        instance_close(instance);
        return status;
    }
    slot->candidate = instance;
    upload.slot = -1;
    upkeep_of_records();
    return WM_OK;
}

wm_status slot_upload(int index, uint32_t offset, const uint8_t *bytes, size_t len, bool more, char *why,
                      size_t why_cap) {
    struct slot *slot = slot_at(index);
    wm_status status = WM_OK;
    if (offset == 0)
        status = begin_upload(slot, index, bytes, len, why, why_cap);
    if (status)
        return status;
    if (upload.slot != index)
        return slot_refuse(WM_EAGAIN, why, why_cap, "no upload is under way: start with block 0");
    status = store_block(offset, bytes, len, why, why_cap);
    if (status == WM_OK)
        status = look(more, why, why_cap);
    if (status == WM_OK && !more)
        status = make_candidate(slot, index, why, why_cap);
    if (status) {
        slot_upload_abandon(index);
        upkeep_of_banks();
    }
    return status;
}
