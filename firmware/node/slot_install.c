/* Uploads: from the wire into a bank, and from there to a candidate. */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "hal.h"
#include "node/erases.h"
#include "node/intake.h"
#include "node/slot_table.h"
#include "node/upkeep.h"
#include "store/commit.h"
#include "store/erase.h"
#include "store/pool.h"

/* The one that is under way. Its head stays in RAM until it has been judged, and then until there is a
 * bank for it: whoever has no key costs no erase, and no candidate. */
static struct {
    int slot; /* -1: none */
    enum { IN_RAM, WAITS_FOR_BANK, IN_BANK } stage;
    bool more; /* of the newest block */
    size_t kept;
    uint8_t head[COAP_PDU_MAX];
    struct bank_writer writer;
    struct intake intake;
} upload = {.slot = -1};

_Static_assert(MODULE_HEAD_MAX <= COAP_PDU_MAX, "a head is kept where one message fits");
_Static_assert(MODULE_HEAD_MAX % (16u << COAP_BLOCK_SZX_MAX) == 0,
               "the block in which a head of this length ends must fit");

void slot_upload_abandon(int index) {
    if (upload.slot != index)
        return;
    upload.slot = -1;
    if (upload.stage == IN_BANK)
        pool_abandon(&upload.writer);
    if (upload.stage != IN_RAM)
        upkeep_of_records();
}

bool slots_are_uploading(void) {
    return upload.slot >= 0 && upload.stage != IN_RAM;
}

bool slot_is_uploaded_to(int index) {
    return upload.slot == index;
}

bool slot_upload_waits(int index) {
    return upload.slot == index && upload.stage == WAITS_FOR_BANK;
}

bool slot_upload_is_judged(int index) {
    return upload.slot == index && upload.stage != IN_RAM;
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
    if (pool_begins_with(upload.head, upload.kept))
        return WM_OK;
    wm_status status = pool_prepared();
    if (status != WM_ENOENT)
        return status;
    if (readings_first && !upkeep_may_erase())
        return WM_EAGAIN;
    status = pool_prepare();
    return status ? status : pool_prepared();
}

static bool is_bank_ready(void) {
    bool is_there = pool_prepared() == WM_OK || pool_begins_with(upload.head, upload.kept);
    return is_there && store_room() >= COMMIT_RECORDS;
}

/* A bank that holds the beginning of it already costs nothing. */
static wm_status take_bank(char *why, size_t why_cap) {
    wm_status status = WM_OK;
    if (pool_begins_with(upload.head, upload.kept)) {
        pool_take_again(&upload.writer);
    } else {
        status = pool_take(&upload.writer);
        erases_spend();
    }
    erase_wait();
    if (status == WM_OK)
        status = pool_erased(&upload.writer);
    if (status == WM_OK)
        upload.stage = IN_BANK;
    return status ? refuse_bank(status, why, why_cap) : WM_OK;
}

/* ---- blocks ----------------------------------------------------------------------------- */

static void begin_upload(int index) {
    for (int other = 0; other < MODULE_SLOTS; other++)
        slot_upload_abandon(other);
    upload.slot = index;
    upload.stage = IN_RAM;
    upload.kept = 0;
    intake_begin(&upload.intake);
}

static wm_status refuse_order(uint32_t offset, char *why, size_t why_cap) {
    snprintf(why, why_cap, "block at %u does not follow what was received", (unsigned)offset);
    return WM_EAGAIN;
}

/* While it waits for a bank its client may try once more, in smaller blocks too. */
static wm_status keep_block(uint32_t offset, const uint8_t *bytes, size_t len, char *why,
                            size_t why_cap) {
    bool again = upload.stage == WAITS_FOR_BANK && offset < upload.kept;
    if (offset != upload.kept && !again)
        return refuse_order(offset, why, why_cap);
    if (again) {
        upload.stage = IN_RAM;
        intake_begin(&upload.intake);
    }
    if (len > sizeof upload.head - offset)
        return slot_refuse(WM_ETOOLARGE, why, why_cap, "a block is longer than a message");
    if (len)
        memcpy(upload.head + offset, bytes, len);
    upload.kept = offset + len;
    return WM_OK;
}

static wm_status store_block(uint32_t offset, const uint8_t *bytes, size_t len, char *why,
                             size_t why_cap) {
    if (offset != upload.writer.length)
        return refuse_order(offset, why, why_cap);
    wm_status status = pool_append(&upload.writer, bytes, len);
    if (status == WM_ENOMEM) {
        snprintf(why, why_cap, "a bank holds %u bytes", (unsigned)MODULE_BANK_BYTES);
        return WM_ETOOLARGE;
    }
    if (status == WM_EIO)
        snprintf(why, why_cap, "the flash did not take the block at %u", (unsigned)offset);
    else if (status)
        return refuse_order(offset, why, why_cap);
    return status;
}

static wm_status look_into_bank(bool more, char *why, size_t why_cap) {
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

/* ---- from RAM into flash ------------------------------------------------------------------ */

static wm_status drop(int index, wm_status status) {
    bool wears_flash = upload.slot == index && upload.stage != IN_RAM;
    slot_upload_abandon(index);
    if (wears_flash)
        upkeep_of_banks();
    return status;
}

/* The head was judged; what is kept in RAM has been looked at. */
static wm_status enter_bank(struct slot *slot, int index, char *why, size_t why_cap) {
    wm_status status = slot_refuse_record(slot_drop_candidate(slot, index), why, why_cap);
    if (status == WM_OK)
        status = take_bank(why, why_cap);
    if (status == WM_OK)
        status = store_block(0, upload.head, upload.kept, why, why_cap);
    if (status == WM_OK && !upload.more)
        status = make_candidate(slot, index, why, why_cap);
    return status;
}

static wm_status ask_for_bank(struct slot *slot, int index, char *why, size_t why_cap) {
    if (!pool_begins_with(upload.head, upload.kept) && !erases_may_spend(why, why_cap))
        return WM_EBUSY;
    upload.stage = WAITS_FOR_BANK;
    return is_bank_ready() ? enter_bank(slot, index, why, why_cap) : WM_OK;
}

static wm_status prepare(struct slot *slot, int index, bool readings_first, char *why, size_t why_cap) {
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
    if (status == WM_EAGAIN)
        return status;
    return status ? refuse_bank(status, why, why_cap) : enter_bank(slot, index, why, why_cap);
}

wm_status slot_upload_prepare(int index, bool readings_first, char *why, size_t why_cap) {
    if (!slot_is_uploaded_to(index))
        return slot_refuse(WM_EINVAL, why, why_cap, "nothing is uploaded to this slot");
    if (upload.stage != WAITS_FOR_BANK)
        return WM_OK; /* it has begun anew, in smaller blocks */
    wm_status status = prepare(slot_at(index), index, readings_first, why, why_cap);
    return status == WM_OK || status == WM_EAGAIN ? status : drop(index, status);
}

static wm_status take_into_ram(struct slot *slot, int index, char *why, size_t why_cap) {
    wm_status status = intake_look(&upload.intake, upload.head, upload.kept, upload.more, why, why_cap);
    if (status || !upload.intake.judged)
        return status;
    return ask_for_bank(slot, index, why, why_cap);
}

static wm_status take_into_bank(struct slot *slot, int index, char *why, size_t why_cap) {
    wm_status status = look_into_bank(upload.more, why, why_cap);
    return status || upload.more ? status : make_candidate(slot, index, why, why_cap);
}

wm_status slot_upload(int index, uint32_t offset, const uint8_t *bytes, size_t len, bool more, char *why,
                      size_t why_cap) {
    struct slot *slot = slot_at(index);
    if (offset == 0)
        begin_upload(index);
    if (upload.slot != index)
        return slot_refuse(WM_EAGAIN, why, why_cap, "no upload is under way: start with block 0");
    upload.more = more;
    bool in_bank = upload.stage == IN_BANK;
    wm_status status = in_bank ? store_block(offset, bytes, len, why, why_cap)
                               : keep_block(offset, bytes, len, why, why_cap);
    if (status == WM_OK)
        status = in_bank ? take_into_bank(slot, index, why, why_cap)
                         : take_into_ram(slot, index, why, why_cap);
    return status ? drop(index, status) : WM_OK;
}
