#include "node/slot.h"

#include <stdio.h>
#include <string.h>

#include "hal.h"
#include "node/bank.h"
#include "node/intake.h"
#include "node/log.h"
#include "node/sensor.h"
#include "node/state.h"
#include "node/stream.h"
#include "node/trace.h"

static struct slot slots[MODULE_SLOTS];
static struct intake intake; /* of the one upload that is under way */

void slots_start(void) {
    for (int index = 0; index < MODULE_SLOTS; index++) {
        slots[index].upload = BANK_NONE;
        slots[index].storage[0].bank = BANK_NONE;
        slots[index].storage[1].bank = BANK_NONE;
    }
}

struct slot *slot_at(int index) {
    return index >= 0 && index < MODULE_SLOTS ? &slots[index] : NULL;
}

/* Its module is loaded, and nothing else may be loaded in its place. */
static bool is_live(const struct slot *slot) {
    return slot->state == SLOT_RUNNING || slot->state == SLOT_PAUSED;
}

static struct instance *spare_storage(struct slot *slot) {
    return slot->active == &slot->storage[0] ? &slot->storage[1] : &slot->storage[0];
}

static wm_status refuse(wm_status status, char *why, size_t why_cap, const char *reason) {
    snprintf(why, why_cap, "%s", reason);
    return status;
}

/* ---- sensors in use --------------------------------------------------------------------- */

/* The input of an instance that listens to the sensor, or NULL. */
static const struct manifest_input *input_from(const struct instance *instance, int sensor) {
    for (uint32_t i = 0; instance && i < instance->manifest.input_count; i++)
        if (instance->sensor[i] == sensor)
            return &instance->manifest.input[i];
    return NULL;
}

/* Injected sensors go with the last module that declares them; a board's sensor is read as often
 * as the most impatient module asks. */
static void settle_sensors(void) {
    for (int sensor = 0; sensor < SENSORS_MAX; sensor++) {
        uint32_t period_ms = SENSOR_PERIOD_MS;
        bool used = false;
        for (int index = 0; index < MODULE_SLOTS; index++) {
            const struct manifest_input *input = input_from(slots[index].active, sensor);
            used = used || input;
            if (input && input->period_ms && input->period_ms < period_ms)
                period_ms = input->period_ms;
        }
        sensor_pace(sensor, period_ms);
        if (!used)
            sensor_remove(sensor);
    }
}

/* ---- install ---------------------------------------------------------------------------- */

static void drop_candidate(struct slot *slot) {
    if (slot->candidate)
        instance_close(slot->candidate);
    slot->candidate = NULL;
}

void slot_upload_abandon(int index) {
    bank_release(slots[index].upload);
    slots[index].upload = BANK_NONE;
}

/* An instance that just found no room: would it have, without what runs in the slot? */
static bool fits_in_place(const struct slot *slot, const struct instance *instance) {
    struct runtime_usage needs, gives;
    if (!slot->active || !runtime_is_loaded(&slot->active->runtime))
        return false;
    runtime_usage(&instance->runtime, &needs);
    runtime_usage(&slot->active->runtime, &gives);
    return needs.predicted_bytes > 0 && needs.predicted_bytes + slot->active->manifest.state_bytes <=
                                            runtime_arena_free() + gives.arena_bytes;
}

/* Loaded once and unloaded again: what cannot run is refused at install, not at the swap. */
static wm_status make_candidate(struct slot *slot, int index, char *why, size_t why_cap) {
    struct instance *instance = spare_storage(slot);
    wm_status status = instance_open(instance, index, slot->upload, why, why_cap);
    if (status)
        return status;
    slot->upload = BANK_NONE; /* the bank is the instance's now */
    status = instance_load(instance, why, why_cap);
    if (status == WM_ENOMEM && fits_in_place(slot, instance))
        status = WM_OK; /* the swap will put it in the place of what runs */
    instance_unload(instance);
    if (status)
        instance_close(instance);
    else
        slot->candidate = instance;
    return status;
}

static wm_status begin_upload(struct slot *slot, int index, char *why, size_t why_cap) {
    slot_upload_abandon(index);
    drop_candidate(slot);
    slot->upload = bank_take();
    if (slot->upload < 0) {
        slot->upload = BANK_NONE;
        return refuse(WM_EBUSY, why, why_cap,
                      "every bank is in use: swap or delete another candidate first");
    }
    intake_begin(&intake);
    return WM_OK;
}

static wm_status store_block(struct slot *slot, uint32_t offset, const uint8_t *bytes, size_t len,
                             char *why, size_t why_cap) {
    wm_status status = bank_write(slot->upload, offset, bytes, len);
    if (status == WM_ENOMEM)
        snprintf(why, why_cap, "a bank holds %u bytes", (unsigned)MODULE_BANK_BYTES);
    else if (status)
        snprintf(why, why_cap, "block at %u does not follow what was received", (unsigned)offset);
    return status == WM_ENOMEM ? WM_ENOMEM : status ? WM_EAGAIN : WM_OK;
}

wm_status slot_upload(int index, uint32_t offset, const uint8_t *bytes, size_t len, bool more, char *why,
                      size_t why_cap) {
    struct slot *slot = &slots[index];
    wm_status status = WM_OK;
    if (offset == 0)
        status = begin_upload(slot, index, why, why_cap);
    if (status)
        return status;
    if (slot->upload == BANK_NONE)
        return refuse(WM_EAGAIN, why, why_cap, "no upload is under way: start with block 0");
    status = store_block(slot, offset, bytes, len, why, why_cap);
    if (status == WM_OK)
        status = intake_look(&intake, bank_bytes(slot->upload), bank_length(slot->upload), more, why,
                             why_cap);
    if (status == WM_OK && !more)
        status = make_candidate(slot, index, why, why_cap);
    if (status)
        slot_upload_abandon(index);
    return status;
}

/* ---- start, stop, swap ------------------------------------------------------------------ */

static void now_running(struct slot *slot, int index, struct slot_numbering numbering) {
    slot->state = SLOT_RUNNING;
    slot->why[0] = 0;
    streams_adopt(index, &slot->active->manifest, numbering.first, numbering.arg);
    settle_sensors();
    trace_adopt(index, slot->active);
    log_line(LOG_INFO, index, "running %s %s", slot->active->manifest.name,
             slot->active->manifest.version);
}

static void remember(struct slot *slot, int index, const char *why) {
    snprintf(slot->why, sizeof slot->why, "%s", why);
    log_line(LOG_ERROR, index, "%s", why);
}

/* On error nothing is left of the attempt but the reason: a candidate that traps in its start is
 * dropped, so that it does not stand in the way of what was there before; one that only found no room
 * stays for another try. */
static void take_back(struct slot *slot, int index, struct instance *instance, wm_status status,
                      const char *why) {
    instance_unload(instance);
    if (instance != slot->active)
        instance_unbind(instance);
    if (instance == slot->candidate && status != WM_ENOMEM)
        drop_candidate(slot);
    remember(slot, index, why);
    settle_sensors();
}

static wm_status load_and_start(struct slot *slot, struct instance *instance,
                                const struct legacy *legacy, enum hand_over *handed, char *why,
                                size_t why_cap) {
    wm_status status = instance_load(instance, why, why_cap);
    if (status == WM_OK)
        status = instance_start(instance, slot->active, legacy, handed, why, why_cap);
    if (status == WM_OK && instance == slot->candidate)
        status = intake_runs(&instance->manifest, why, why_cap);
    return status;
}

wm_status slot_start(int index, struct slot_numbering numbering, char *why, size_t why_cap) {
    struct slot *slot = &slots[index];
    struct instance *instance = slot->candidate ? slot->candidate : slot->active;
    if (is_live(slot))
        return refuse(WM_EBUSY, why, why_cap,
                      "the slot runs already: swap puts a candidate in its place");
    if (!instance)
        return refuse(WM_EBUSY, why, why_cap, "the slot is empty: install a bundle first");
    slot_restore_abandon(index);
    const struct legacy none = {.state = NULL}; /* what is stopped has only parameters */
    enum hand_over handed;
    wm_status status = load_and_start(slot, instance, &none, &handed, why, why_cap);
    if (status) {
        take_back(slot, index, instance, status, why);
        return status;
    }
    for (uint32_t i = 0; i < instance->manifest.input_count; i++)
        sensor_begin_anew(instance->sensor[i]);
    if (slot->active && slot->active != instance)
        instance_close(slot->active);
    slot->active = instance;
    slot->candidate = NULL;
    now_running(slot, index, numbering);
    return WM_OK;
}

/* What ran is loaded again from its bank, with its state, after its successor failed. */
static void go_back(struct slot *slot, int index, const struct legacy *legacy) {
    char why[SLOT_WHY_CAP];
    enum hand_over handed;
    wm_status status = load_and_start(slot, slot->active, legacy, &handed, why, sizeof why);
    if (status == WM_OK) {
        trace_adopt(index, slot->active);
        return;
    }
    instance_unload(slot->active);
    slot->state = SLOT_STOPPED;
    remember(slot, index, why);
}

/* Where there is no room for both: the old one goes first, and leaves a copy of its state. */
static wm_status swap_in_place(struct slot *slot, int index, struct legacy *legacy,
                               enum hand_over *handed, char *why, size_t why_cap) {
    uint8_t *kept = NULL;
    if (legacy->state) {
        kept = runtime_keep(legacy->state, legacy->len);
        if (!kept)
            return refuse(WM_ENOMEM, why, why_cap, "no room to keep the old state while swapping");
        legacy->state = kept;
    }
    instance_unload(slot->active);
    wm_status status = load_and_start(slot, slot->candidate, legacy, handed, why, why_cap);
    if (status) {
        instance_unload(slot->candidate);
        go_back(slot, index, legacy);
    }
    runtime_drop(kept);
    return status;
}

static void note_hand_over(struct slot *slot, int index, enum hand_over handed,
                           const struct legacy *legacy) {
    slot->handed = handed;
    if (handed == HAND_OVER_FRESH)
        log_line(LOG_WARNING, index,
                 "begins without the state of schema %s, which it does not take over", legacy->schema);
    else if (handed == HAND_OVER_MIGRATED)
        log_line(LOG_INFO, index, "has migrated the state of schema %s", legacy->schema);
}

static void finish_swap(struct slot *slot) {
    struct instance *old = slot->active;
    slot->active = slot->candidate;
    slot->candidate = NULL;
    instance_close(old);
    slot->swapped = true;
}

wm_status slot_swap(int index, struct slot_numbering numbering, char *why, size_t why_cap) {
    struct slot *slot = &slots[index];
    if (slot->state != SLOT_RUNNING || !slot->candidate)
        return refuse(WM_EBUSY, why, why_cap, "a swap needs a running module and a candidate");
    uint64_t began = hal_now_us();
    enum hand_over handed = HAND_OVER_NONE;
    struct legacy legacy;
    instance_leave(slot->active, &legacy);
    wm_status status = load_and_start(slot, slot->candidate, &legacy, &handed, why, why_cap);
    slot->in_place = status == WM_ENOMEM && fits_in_place(slot, slot->candidate);
    if (slot->in_place)
        status = swap_in_place(slot, index, &legacy, &handed, why, why_cap);
    if (status) {
        take_back(slot, index, slot->candidate, status, why);
        return status;
    }
    finish_swap(slot);
    slot->swap_us = (uint32_t)(hal_now_us() - began);
    note_hand_over(slot, index, handed, &legacy);
    now_running(slot, index, numbering);
    return WM_OK;
}

wm_status slot_stop(int index, char *why, size_t why_cap) {
    struct slot *slot = &slots[index];
    if (!is_live(slot))
        return refuse(WM_EBUSY, why, why_cap, "nothing runs in this slot");
    instance_unload(slot->active);
    slot->state = SLOT_STOPPED;
    log_line(LOG_INFO, index, "stopped");
    return WM_OK;
}

wm_status slot_pause(int index, char *why, size_t why_cap) {
    struct slot *slot = &slots[index];
    if (slot->state != SLOT_RUNNING)
        return refuse(WM_EBUSY, why, why_cap, "nothing runs in this slot");
    slot->state = SLOT_PAUSED;
    return WM_OK;
}

wm_status slot_resume(int index, char *why, size_t why_cap) {
    struct slot *slot = &slots[index];
    if (slot->state != SLOT_PAUSED)
        return refuse(WM_EBUSY, why, why_cap, "nothing is paused in this slot");
    slot->state = SLOT_RUNNING;
    return WM_OK;
}

void slot_remove(int index) {
    struct slot *slot = &slots[index];
    slot_restore_abandon(index);
    slot_upload_abandon(index);
    drop_candidate(slot);
    if (slot->active)
        instance_close(slot->active);
    slot->active = NULL;
    streams_drop(index);
    settle_sensors();
    slot->state = SLOT_EMPTY;
    slot->traps = 0;
    slot->missed = 0;
    slot->swapped = false;
    slot->why[0] = 0;
}

/* ---- restore ---------------------------------------------------------------------------- */

static struct {
    int slot;                                                 /* whose snapshot is coming in, or -1 */
    struct state_reader *reader;                              /* in the arena, while it comes in */
    uint8_t streams[MODULE_STREAMS_MAX * (NAME_CAP + 6) + 1]; /* the head's, until the end */
    size_t streams_len;
} restore = {.slot = -1};

static struct instance *end_restore(void) {
    struct instance *instance = restore.reader->into;
    runtime_drop((uint8_t *)restore.reader);
    restore.slot = -1;
    return instance;
}

static wm_status begin_restore(int index, char *why, size_t why_cap) {
    if (restore.slot >= 0)
        slot_restore_abandon(restore.slot);
    restore.reader = (void *)runtime_keep(NULL, sizeof *restore.reader);
    if (!restore.reader)
        return refuse(WM_ENOMEM, why, why_cap, "the module arena has no room to read a snapshot");
    restore.slot = index;
    state_begin(restore.reader);
    return WM_OK;
}

void slot_restore_abandon(int index) {
    if (restore.slot != index)
        return;
    struct instance *instance = end_restore();
    if (instance) {
        instance_unload(instance);
        if (instance != slots[index].active)
            instance_unbind(instance);
        settle_sensors();
    }
}

static bool is_same_module(const struct instance *instance, const struct state_head *head) {
    return instance && memcmp(instance->manifest.digest, head->digest, SHA256_BYTES) == 0;
}

static bool has_same_schema(const struct instance *instance, const struct state_head *head) {
    return instance && head->schema[0] && head->state_bytes == instance->manifest.state_bytes &&
           strcmp(head->schema, instance->manifest.state_schema) == 0;
}

/* The candidate before what was stopped, the same module before one that only shares the schema. */
static struct instance *choose(const struct slot *slot, const struct state_head *head) {
    struct instance *const from[] = {slot->candidate, slot->active};
    for (int i = 0; i < 2; i++)
        if (is_same_module(from[i], head))
            return from[i];
    for (int i = 0; i < 2; i++)
        if (has_same_schema(from[i], head))
            return from[i];
    return NULL;
}

static wm_status open_restore(struct state_reader *reader, void *arg, char *why, size_t why_cap) {
    struct slot *slot = arg;
    struct instance *instance = choose(slot, &reader->head);
    if (!instance)
        return refuse(
            WM_ENOTSUP, why, why_cap,
            "the snapshot is of another module and another state schema than what is in the slot");
    if (reader->head.streams.len > sizeof restore.streams)
        return refuse(WM_EINVAL, why, why_cap, "the snapshot names too many streams");
    memcpy(restore.streams, reader->head.streams.bytes, reader->head.streams.len);
    restore.streams_len = reader->head.streams.len;
    wm_status status = instance_load(instance, why, why_cap);
    if (status)
        return status;
    reader->into = instance; /* from here on it has to be unloaded */
    return instance_restore(instance, reader, is_same_module(instance, &reader->head), why, why_cap);
}

static uint32_t restored_number(void *arg, const char *name) {
    (void)arg;
    struct span streams = {restore.streams, restore.streams_len};
    return state_stream_number(&streams, name);
}

/* Records that are here already stay only where the numbers go on from them. */
static bool numbers_go_on(int index, const struct manifest *manifest) {
    for (uint32_t i = 0; i < manifest->stream_count; i++) {
        const struct stream *stream = stream_find(index, manifest->stream[i].name);
        if (stream && stream->ring.next != restored_number(NULL, stream->name))
            return false;
    }
    return true;
}

static wm_status finish_restore(struct slot *slot, int index, char *why, size_t why_cap) {
    struct instance *instance = restore.reader->into;
    wm_status status = instance_restored(instance, restore.reader, why, why_cap);
    if (status)
        return status;
    end_restore();
    if (slot->active && slot->active != instance)
        instance_close(slot->active);
    if (slot->candidate == instance)
        slot->candidate = NULL;
    slot->active = instance;
    if (!numbers_go_on(index, &instance->manifest))
        streams_drop(index);
    now_running(slot, index, (struct slot_numbering){restored_number, NULL});
    slot->state = SLOT_PAUSED;
    return WM_OK;
}

wm_status slot_restore(int index, uint32_t offset, const uint8_t *bytes, size_t len, bool more,
                       char *why, size_t why_cap) {
    struct slot *slot = &slots[index];
    if (is_live(slot))
        return refuse(WM_EBUSY, why, why_cap,
                      "stop what runs in this slot before it gets another state");
    wm_status status = offset == 0 ? begin_restore(index, why, why_cap) : WM_OK;
    if (status)
        return status;
    if (restore.slot != index)
        return refuse(WM_EAGAIN, why, why_cap, "no snapshot is coming in: start with block 0");
    hal_watchdog_feed();
    status = state_feed(restore.reader, bytes, len, more, open_restore, slot, why, why_cap);
    if (status == WM_OK && !more)
        status = finish_restore(slot, index, why, why_cap);
    if (status)
        slot_restore_abandon(index);
    return status;
}

/* ---- events ----------------------------------------------------------------------------- */

static void trapped(struct slot *slot, int index, const char *why) {
    instance_unload(slot->active);
    slot->state = SLOT_TRAPPED;
    slot->traps++;
    remember(slot, index, why);
}

static void check_event(struct slot *slot, int index, wm_status status, const char *why) {
    if (status == WM_ETRAP || status == WM_EBUDGET)
        trapped(slot, index, why);
}

wm_status slot_configure(int index, struct span chosen, char *why, size_t why_cap) {
    struct slot *slot = &slots[index];
    if (!slot->active)
        return refuse(WM_EBUSY, why, why_cap, "the slot is empty");
    slot_restore_abandon(index);
    wm_status status = instance_configure(slot->active, chosen, why, why_cap);
    check_event(slot, index, status, why);
    return status;
}

wm_status slot_event(int index, slot_event_runner *run, void *arg, char *why, size_t why_cap) {
    struct slot *slot = &slots[index];
    if (slot->state != SLOT_PAUSED)
        return refuse(WM_EBUSY, why, why_cap, "the slot is not paused");
    wm_status status = run(slot->active, arg, why, why_cap);
    check_event(slot, index, status, why);
    return status;
}

static void deliver(struct slot *slot, int index, int sensor, int64_t time_ms, const float *values,
                    size_t channels) {
    char why[SLOT_WHY_CAP];
    if (slot->state == SLOT_PAUSED && input_from(slot->active, sensor))
        slot->missed++;
    for (uint32_t i = 0; slot->state == SLOT_RUNNING && i < slot->active->manifest.input_count; i++) {
        if (slot->active->sensor[i] != sensor)
            continue;
        wm_status status = instance_sample(slot->active, i, time_ms, values, channels, why, sizeof why);
        check_event(slot, index, status, why);
    }
}

void slots_deliver(int sensor, int64_t time_ms, const float *values, size_t channels) {
    for (int index = 0; index < MODULE_SLOTS; index++)
        deliver(&slots[index], index, sensor, time_ms, values, channels);
}

bool slots_pause(int sensor) {
    for (int index = 0; index < MODULE_SLOTS; index++)
        if (slots[index].state == SLOT_PAUSED && input_from(slots[index].active, sensor))
            return true;
    return false;
}

void slots_tick(int64_t now_ms) {
    char why[SLOT_WHY_CAP];
    for (int index = 0; index < MODULE_SLOTS; index++) {
        if (slots[index].state != SLOT_RUNNING)
            continue;
        wm_status status = instance_tick(slots[index].active, now_ms, why, sizeof why);
        check_event(&slots[index], index, status, why);
    }
}
