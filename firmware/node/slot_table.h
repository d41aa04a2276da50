/* What the slot_*.c share: the table of slots and steps that several of them take. Private to them. */
#ifndef WASMOTE_SLOT_TABLE_H
#define WASMOTE_SLOT_TABLE_H

#include "node/slot.h"
#include "store/store.h"

/* ---- slot.c ----------------------------------------------------------------------------- */

/* Its module is loaded, and nothing else may be loaded in its place. */
bool slot_is_live(const struct slot *slot);
struct instance *slot_spare_storage(struct slot *slot);

wm_status slot_refuse(wm_status status, char *why, size_t why_cap, const char *reason);
/* What a step of the store said: WM_EIO gets its sentence. */
wm_status slot_refuse_record(wm_status status, char *why, size_t why_cap);
void slot_remember(struct slot *slot, int index, const char *why);

/* The input of an instance that listens to the sensor, or NULL. */
const struct manifest_input *slot_input_from(const struct instance *instance, int sensor);
/* Injected sensors go with the last module that declares them; a board's sensor is read as often
 * as the most impatient module asks. */
void slot_settle_sensors(void);

/* In the store and here. */
wm_status slot_drop_candidate(struct slot *slot, int index);

/* ---- slot_swap.c ------------------------------------------------------------------------ */

/* Where the arena has no room, copies of states but for `kept` make some. */
wm_status slot_load_and_start(struct slot *slot, struct instance *instance, struct span parameters,
                              const struct legacy *legacy, const struct state_copy *kept,
                              enum hand_over *handed, char *why, size_t why_cap);
struct span slot_parameters_of(const struct instance *instance);
/* An instance that just found no room: would it have, without what runs in the slot? */
bool slot_fits_in_place(const struct slot *slot, const struct instance *instance);
/* What is active was started: its streams, sensors, trace. */
void slot_now_running(struct slot *slot, int index, struct slot_numbering numbering);
/* For streams that a module which starts by itself adds. */
extern const struct slot_numbering slot_number_anew;
/* The active module has become another one, by a record that said so. */
void slot_candidate_took_over(struct slot *slot, int index);

/* ---- slot_state_copy.c ------------------------------------------------------------------ */

/* Keeps what a running module declares; false where there is no room, or nothing to keep. */
bool state_copy_take(struct state_copy *copy, struct instance *instance);
struct legacy state_copy_legacy(const struct state_copy *copy);
void state_copy_drop(struct state_copy *copy);
/* Gives up every copy but `kept`, for a module that finds no room. False: there was none. */
bool slots_give_up_copies(const struct state_copy *kept);

/* ---- slot_probation.c ------------------------------------------------------------------- */

bool slot_has_fallback(int index);
/* What ran until now, where that is what a roll-back goes back to. */
void slot_note_fallback(struct slot *slot, int index, const struct instance *before);
void slot_begin_probation(struct slot *slot, int index);
/* Nothing is on probation any more. */
void slot_end_probation(struct slot *slot);
/* What failed makes way for what ran before. False: it cannot, and stays. */
bool slot_fall_back(struct slot *slot, int index, enum store_cause cause);
/* An event went well. */
void slot_count_event(struct slot *slot, int index);

/* ---- slot_restart.c --------------------------------------------------------------------- */

/* The active module trapped: it is unloaded and, the first two times in a row, started again later. */
void slot_trapped(struct slot *slot, int index, const char *why);
/* With the state that it was to have. */
void slot_cancel_restart(struct slot *slot);

/* ---- slot_boot.c ------------------------------------------------------------------------ */

/* Some time from now a module that was started has proved that the node lives with it. */
void slots_await_life(void);

#endif
