/* Module slots: what is installed, what runs, and how one takes over from the other.
 *
 *            install            start                swap (with a candidate)
 *     EMPTY --------> candidate ------> RUNNING <------------------------- RUNNING
 *                                       |    ^
 *                                  stop |    | start          trap, budget
 *                                       v    |             RUNNING ------> TRAPPED --start--> RUNNING
 *                                      STOPPED
 *
 * PAUSED is RUNNING without events: pause and resume go there and back, and a snapshot that was put
 * into a slot waits there. A candidate can be installed in any state; nothing of it runs before start or
 * swap. */
#ifndef WASMOTE_SLOT_H
#define WASMOTE_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "node/instance.h"

enum slot_state { SLOT_EMPTY, SLOT_STOPPED, SLOT_RUNNING, SLOT_TRAPPED, SLOT_PAUSED };

#define SLOT_WHY_CAP 128

struct slot {
    enum slot_state state;
    struct instance *active;    /* NULL when empty */
    struct instance *candidate; /* NULL without one */
    struct instance storage[2];
    int upload; /* bank that an upload is filling, or BANK_NONE */
    uint32_t traps;
    uint32_t swap_us;
    uint32_t missed; /* readings of the board that came while it was paused */
    bool swapped;
    bool in_place; /* the last swap had no room for both modules at once */
    enum hand_over handed;
    char why[SLOT_WHY_CAP]; /* the last trap or error of this slot */
};

void slots_start(void);

/* 0..MODULE_SLOTS-1, or NULL. */
struct slot *slot_at(int index);

/* An upload, block by block; the last block (more = false) checks the whole and makes it the
 * candidate. On any error the upload is dropped and the slot goes on as before. */
wm_status slot_upload(int index, uint32_t offset, const uint8_t *bytes, size_t len, bool more, char *why,
                      size_t why_cap);
void slot_upload_abandon(int index);

/* A stream that the slot does not have yet begins at first(arg, name). */
struct slot_numbering {
    uint32_t (*first)(void *arg, const char *name);
    void *arg;
};

/* WM_EBUSY: the state does not allow it. WM_ENOTSUP, WM_ENOMEM, WM_ETRAP, WM_EBUDGET: the module
 * could not be started; what ran goes on. */
wm_status slot_start(int index, struct slot_numbering numbering, char *why, size_t why_cap);
wm_status slot_swap(int index, struct slot_numbering numbering, char *why, size_t why_cap);
wm_status slot_stop(int index, char *why, size_t why_cap);
/* Keeps events from a running module, so that its state can be read in peace. */
wm_status slot_pause(int index, char *why, size_t why_cap);
wm_status slot_resume(int index, char *why, size_t why_cap);
void slot_remove(int index);

/* A snapshot (node/state.h), block by block: into the candidate or the module of a slot that does
 * not run. It ends paused; on any error the slot is as it was, but its module, if it was that, stopped.
 */
wm_status slot_restore(int index, uint32_t offset, const uint8_t *bytes, size_t len, bool more,
                       char *why, size_t why_cap);
void slot_restore_abandon(int index);

/* Whether a module that listens to the sensor is paused: it would miss the reading. */
bool slots_pause(int sensor);
wm_status slot_configure(int index, struct span chosen, char *why, size_t why_cap);

/* An event from outside the node for a paused module, which traps as from any other. WM_EBUSY: it is
 * not paused. */
typedef wm_status slot_event_runner(struct instance *instance, void *arg, char *why, size_t why_cap);
wm_status slot_event(int index, slot_event_runner *run, void *arg, char *why, size_t why_cap);

/* A reading for every running module that listens to the sensor; a tick for all. */
void slots_deliver(int sensor, int64_t time_ms, const float *values, size_t channels);
void slots_tick(int64_t now_ms);

#endif
