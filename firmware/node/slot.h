/* Module slots: what is installed, what runs, and how one takes over from the other. What must survive a
 * reset of that is in the store (store/commit.h), and each step here is one record there.
 *
 *            install            start                swap (with a candidate)
 *     EMPTY --------> candidate ------> RUNNING <------------------------- RUNNING
 *                                       |    ^                                |
 *                                  stop |    | start     trap, budget missed  |
 *                                       v    |     started again, or start    v
 *                                      STOPPED    RUNNING <--------------- TRAPPED
 *
 * PAUSED is RUNNING without events: pause and resume go there and back, and a snapshot that was put
 * into a slot waits there. A candidate can be installed in any state; nothing of it runs before start or
 * swap. What these made active is on probation; should it fail then, what ran before takes its place
 * again. QUARANTINED is what is not started at boot any more. */
#ifndef WASMOTE_SLOT_H
#define WASMOTE_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "core/loop.h"
#include "node/instance.h"

enum slot_state { SLOT_EMPTY, SLOT_STOPPED, SLOT_RUNNING, SLOT_TRAPPED, SLOT_PAUSED, SLOT_QUARANTINED };

#define SLOT_WHY_CAP 128

/* Which module it is, for people. */
struct release_name {
    char name[NAME_CAP];
    char version[VERSION_CAP];
    uint32_t sequence;
    uint8_t digest[SHA256_BYTES];
};

/* A copy of a declared state, in the arena: there only while there is room. */
struct state_copy {
    uint8_t *bytes; /* NULL: none */
    size_t len;
    bool filled;
    char schema[NAME_CAP];
};

struct slot {
    enum slot_state state;
    struct instance *active;    /* NULL when empty */
    struct instance *candidate; /* NULL without one */
    struct instance storage[2];
    uint32_t traps;
    uint32_t swap_us;
    uint32_t missed; /* readings of the board that came while it was paused */
    bool swapped;
    bool in_place; /* the last swap had no room for both modules at once */
    enum hand_over handed;
    char why[SLOT_WHY_CAP]; /* the last trap or error of this slot */

    uint32_t probation_left;      /* events until it is confirmed by itself; 0: it is not */
    struct release_name fallback; /* what a roll-back goes back to; no name: nothing */
    struct state_copy left;       /* the fallback's state when it was replaced */
    struct state_copy before;     /* the active module's state before the event that it has */

    uint32_t row;              /* traps in a row */
    uint32_t good;             /* events since the last of them */
    struct loop_timer restart; /* armed: it is started again then */
};

/* 0..MODULE_SLOTS-1, or NULL. */
struct slot *slot_at(int index);

/* After store_start(), pool_start() and sensors_start(): opens what the store names, and starts what is
 * to run. is_fault: what was started before may have caused the reset. starts: false leaves all stopped.
 */
void slots_start(bool is_fault, bool starts);

/* ---- installing ------------------------------------------------------------------------- */

/* An upload, block by block: into RAM until the manifest is whole and judged, which drops the candidate,
 * then into flash; the last block (more = false) checks the whole and makes it the candidate. On any
 * error the upload is dropped and the slot goes on as before. */
wm_status slot_upload(int index, uint32_t offset, const uint8_t *bytes, size_t len, bool more, char *why,
                      size_t why_cap);
/* After a block that was taken: it waits in RAM for a blank bank and room for records. Then call
 * slot_upload_prepare(), which may block for 2 s where a board stands still for an erase, until it says
 * something else than WM_EAGAIN: what slot_upload() would have said. It begins no erase while readings
 * wait, if they come first (upkeep_may_erase()). Meanwhile this block, or one from anywhere before it,
 * may come again in another size. WM_EBUSY: every bank is in use. WM_EIO: the flash cannot be erased. */
bool slot_upload_waits(int index);
wm_status slot_upload_prepare(int index, bool readings_first, char *why, size_t why_cap);
/* Its manifest was judged and may be installed. */
bool slot_upload_is_judged(int index);
void slot_upload_abandon(int index);
bool slot_is_uploaded_to(int index);
/* Into flash, or about to. */
bool slots_are_uploading(void);
/* The keys of the node have changed: what was let pass before and has not run begins anew, or is dropped
 * where no key vouches for it. */
void slots_judge_again(void);

/* ---- control ---------------------------------------------------------------------------- */

/* A stream that the slot does not have yet begins at first(arg, name). */
struct slot_numbering {
    uint32_t (*first)(void *arg, const char *name);
    void *arg;
};

/* WM_EBUSY: the state does not allow it. WM_ENOTSUP, WM_ENOMEM, WM_ETRAP, WM_EBUDGET: the module
 * could not be started; what ran goes on. WM_EPERM: not a module that this node may run. WM_EIO: the
 * flash did not take the record of it, and nothing has changed. */
wm_status slot_start(int index, struct slot_numbering numbering, char *why, size_t why_cap);
wm_status slot_swap(int index, struct slot_numbering numbering, char *why, size_t why_cap);
/* A candidate starts in a slot of its own with the state and parameters that the module of another has
 * now, and gets the same readings from the next one on: their sensors do not begin anew. After a reset
 * it is stopped. */
wm_status slot_start_beside(int index, int other, struct slot_numbering numbering, char *why,
                            size_t why_cap);
wm_status slot_stop(int index, char *why, size_t why_cap);
/* Keeps events from a running module, so that its state can be read in peace. */
wm_status slot_pause(int index, char *why, size_t why_cap);
wm_status slot_resume(int index, char *why, size_t why_cap);
/* Ends probation, one way or the other. */
wm_status slot_confirm(int index, char *why, size_t why_cap);
wm_status slot_roll_back(int index, char *why, size_t why_cap);
wm_status slot_remove(int index, char *why, size_t why_cap);

bool slot_is_on_probation(int index);

/* ---- snapshots -------------------------------------------------------------------------- */

/* A snapshot (node/state.h), block by block: into the candidate or the module of a slot that does
 * not run. WM_EPERM: in quarantine, and no key vouches for it. It ends paused; on any error the slot is
 * as it was, but its module, if it was that, stopped.
 */
wm_status slot_restore(int index, uint32_t offset, const uint8_t *bytes, size_t len, bool more,
                       char *why, size_t why_cap);
void slot_restore_abandon(int index);

/* ---- events ----------------------------------------------------------------------------- */

/* Whether a module that listens to the sensor is paused: it would miss the reading. */
bool slots_pause(int sensor);
/* How many running modules the readings of a sensor are handed to. */
unsigned slots_listening(int sensor);
wm_status slot_configure(int index, struct span chosen, char *why, size_t why_cap);

/* An event from outside the node for a paused module, which traps as from any other, and stays so.
 * WM_EBUSY: it is not paused. */
typedef wm_status slot_event_runner(struct instance *instance, void *arg, char *why, size_t why_cap);
wm_status slot_event(int index, slot_event_runner *run, void *arg, char *why, size_t why_cap);

/* A reading for every running module that listens to the sensor; a tick for all. */
void slots_deliver(int sensor, int64_t time_ms, const float *values, size_t channels);
void slots_tick(int64_t now_ms);

#endif
