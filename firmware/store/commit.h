/* What happens to a slot, as transitions of its record: each is one record, so it has happened or not.
 *
 *              install            activate              confirm
 *     (any) ------------> +candidate ------> PROBATION ---------> CONFIRMED
 *                                              |    |
 *            trap, reset, asked for: roll back |    | no fallback, and it does not come through its
 * start v    v the fallback, CONFIRMED    QUARANTINED (so is a confirmed one that does not)
 */
#ifndef WASMOTE_COMMIT_H
#define WASMOTE_COMMIT_H

#include "core/status.h"
#include "store/pool.h"
#include "store/store.h"

#define COMMIT_ATTEMPTS_MAX 2 /* starts without success after which a module is left alone */

/* The most records that are written from the first block of an upload until what came of it is confirmed
 * or rolled back, and as many for another slot. */
#define COMMIT_RECORDS 16
/* Room for so many, made by erasing now: nothing is erased during a swap. Blocks for that, up to 0.5 s.
 */
wm_status commit_make_room(void);

/* A finished bundle becomes the slot's candidate in place of the one before. name: see pool_finish(). */
wm_status commit_install(int slot, struct bank_writer *writer, const uint8_t name[STORE_NAME_BYTES]);
wm_status commit_drop_candidate(int slot);

/* The candidate is started. WM_ENOENT: there is none. What it takes over from becomes the fallback,
 * unless that was on probation itself. */
wm_status commit_activate(int slot);
/* The same for one that is only watched: after a reset it is stopped until somebody starts it. */
wm_status commit_activate_watched(int slot);
/* It behaved. WM_ENOENT: nothing is on probation. */
wm_status commit_confirm(int slot);
/* The fallback again, or nothing where there is none. */
wm_status commit_roll_back(int slot, enum store_cause cause);
wm_status commit_remove(int slot);
/* Whether what is active is started at boot. What is in quarantine is on probation again when somebody
 * starts it, without a fallback. */
wm_status commit_stop(int slot);
wm_status commit_start(int slot);
/* It must not be started. */
wm_status commit_quarantine(int slot);

/* At boot, for each slot before its module starts: what was on probation is rolled back, what is to be
 * started is counted. After a cut of power the start before is not held against the module. The slot's
 * record then says what to start. A bank that does not hold what was noted of it is not started:
 * WM_EDIGEST, and the slot is in quarantine. */
wm_status commit_boot(int slot, bool after_power_cut);
/* It came through its start. */
wm_status commit_started(int slot);

#endif
