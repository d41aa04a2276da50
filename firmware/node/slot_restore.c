/* Snapshots into a slot. */
#include <string.h>

#include "hal.h"
#include "node/intake.h"
#include "node/slot_table.h"
#include "node/state.h"
#include "node/stream.h"
#include "store/commit.h"

static struct {
    int slot;                                                 /* whose snapshot is coming in, or -1 */
    struct state_reader *reader;                              /* in the arena, while it comes in */
    uint8_t streams[MODULE_STREAMS_MAX * (NAME_CAP + 6) + 1]; /* the head's, until the end */
    size_t streams_len;
    uint8_t readings[MODULE_INPUTS_MAX * (14 + 4 * SENSOR_CHANNELS_MAX) + 1]; /* likewise */
    size_t readings_len;
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
        return slot_refuse(WM_ENOMEM, why, why_cap, "the module arena has no room to read a snapshot");
    slot_cancel_restart(slot_at(index));
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
        if (instance != slot_at(index)->active)
            instance_unbind(instance);
        slot_settle_sensors();
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

static bool keep(struct span from, uint8_t *to, size_t cap, size_t *len) {
    if (from.len > cap)
        return false;
    memcpy(to, from.bytes, from.len);
    *len = from.len;
    return true;
}

static wm_status open_restore(struct state_reader *reader, void *arg, char *why, size_t why_cap) {
    struct slot *slot = arg;
    struct instance *instance = choose(slot, &reader->head);
    if (!instance)
        return slot_refuse(
            WM_ENOTSUP, why, why_cap,
            "the snapshot is of another module and another state schema than what is in the slot");
    if (!keep(reader->head.streams, restore.streams, sizeof restore.streams, &restore.streams_len) ||
        !keep(reader->head.readings, restore.readings, sizeof restore.readings, &restore.readings_len))
        return slot_refuse(WM_EINVAL, why, why_cap, "the snapshot names too many streams or inputs");
    wm_status status = WM_OK;
    if (slot->state == SLOT_QUARANTINED && instance == slot->active)
        status = instance_judge(instance, why, why_cap);
    if (status == WM_OK)
        status = instance_load(instance, why, why_cap);
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

/* The candidate is what is active from now on, or what was stopped is to run again. */
static wm_status take_over(struct slot *slot, int index, const struct instance *instance, char *why,
                           size_t why_cap) {
    bool is_candidate = instance == slot->candidate;
    wm_status status = WM_OK;
    if (is_candidate)
        status = intake_may_run(&instance->manifest, why, why_cap);
    if (status)
        return status;
    status =
        slot_refuse_record(is_candidate ? commit_activate(index) : commit_start(index), why, why_cap);
    if (status == WM_OK && is_candidate) {
        state_copy_drop(&slot->left); /* the state goes on with the one that was put in */
        slot_candidate_took_over(slot, index);
    } else if (status == WM_OK && slot_is_on_probation(index)) {
        slot_begin_probation(slot, index);
    }
    return status;
}

static wm_status finish_restore(struct slot *slot, int index, char *why, size_t why_cap) {
    struct instance *instance = restore.reader->into;
    wm_status status = instance_restored(instance, restore.reader, why, why_cap);
    if (status == WM_OK)
        status = take_over(slot, index, instance, why, why_cap);
    if (status)
        return status;
    end_restore();
    state_give_readings((struct span){restore.readings, restore.readings_len}, instance);
    if (!numbers_go_on(index, &instance->manifest))
        streams_drop(index);
    slot->why[0] = 0;
    slot->row = 0;
    slot_now_running(slot, index, (struct slot_numbering){restored_number, NULL});
    slot->state = SLOT_PAUSED;
    return WM_OK;
}

wm_status slot_restore(int index, uint32_t offset, const uint8_t *bytes, size_t len, bool more,
                       char *why, size_t why_cap) {
    struct slot *slot = slot_at(index);
    if (slot_is_live(slot))
        return slot_refuse(WM_EBUSY, why, why_cap,
                           "stop what runs in this slot before it gets another state");
    wm_status status = offset == 0 ? begin_restore(index, why, why_cap) : WM_OK;
    if (status)
        return status;
    if (restore.slot != index)
        return slot_refuse(WM_EAGAIN, why, why_cap, "no snapshot is coming in: start with block 0");
    hal_watchdog_feed();
    status = state_feed(restore.reader, bytes, len, more, open_restore, slot, why, why_cap);
    if (status == WM_OK && !more)
        status = finish_restore(slot, index, why, why_cap);
    if (status)
        slot_restore_abandon(index);
    return status;
}
