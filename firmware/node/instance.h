/* One module and its life on this node: bundle -> loaded -> started -> events. It knows its slot
 * only as a number; which instance runs is the slot's business (slot.h). */
#ifndef WASMOTE_INSTANCE_H
#define WASMOTE_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "node/manifest.h"
#include "node/trust.h"
#include "runtime.h"

struct state_reader;

/* What a module leaves to the one that comes after it. */
struct legacy {
    const uint8_t *state; /* NULL: it declared none, or did not run */
    size_t len;
    bool lost; /* it declared one that is not there any more, or has another size now */
    char schema[NAME_CAP];
};

/* What became of it. FRESH: there was one, and the new module could not take it. */
enum hand_over { HAND_OVER_NONE, HAND_OVER_SAME, HAND_OVER_MIGRATED, HAND_OVER_FRESH };

struct stream;

/* Why a host call was refused: a claim of the manifest that its module does not keep, mostly. */
enum refusal {
    REFUSED_STREAM, /* there is no such stream */
    REFUSED_SIZE,   /* not the number of values that the manifest says */
    REFUSED_MOMENT, /* an emit outside of on_sample and on_tick */
    REFUSED_RECORD, /* larger than the ring of its stream */
    REFUSED_INPUT,  /* there is no such input */
    REFUSED_ROOM,   /* for fewer values than the input has */
};

struct instance {
    int slot;
    int bank; /* STORE_NO_BANK: this instance is unused */
    uint32_t bundle_len;
    const uint8_t *bundle; /* a window to the bank while it is loaded; NULL: spans into it are empty */
    struct manifest manifest;
    bool is_signed;
    uint8_t signer[TRUST_KEY_ID_BYTES]; /* the key that its signature names */
    struct span module;
    struct runtime runtime;
    struct host_api host; /* only what the manifest's capabilities grant; the rest is NULL */
    uint8_t config[MODULE_CONFIG_MAX];
    size_t config_len;
    int sensor[MODULE_INPUTS_MAX]; /* index of the sensor behind each input, once started */
    bool may_emit;
    bool event_refused;    /* a call of the newest event was refused */
    uint8_t refused_kinds; /* a bit for each enum refusal that was logged since it was started */
    int64_t event_ms;      /* time of the sample that is being handled */
    uint32_t events;       /* these four since it was started */
    uint32_t refused;      /* host calls */
    uint64_t time_us;
    uint32_t longest_us;
};

/* Opens the bundle in a bank, which intake.h let pass, and checks what is left that needs no engine:
 * ABI, limits, sensors. On error the instance is unused. */
wm_status instance_open(struct instance *instance, int slot, int bank, uint32_t len, char *why,
                        size_t why_cap);

/* Whether it may run by the rules of today (intake.h), its number aside: keys change. */
wm_status instance_judge(struct instance *instance, char *why, size_t why_cap);

/* Gives its memory back; safe on an unused one. Whose the bank is, is the store's business. */
void instance_close(struct instance *instance);

/* Forgets which sensors are behind the inputs, so that it can read none: after a failed start. */
void instance_unbind(struct instance *instance);

/* Counts a host call that was refused. True: it is the first of its kind since the start, to be logged.
 */
bool instance_refused(struct instance *instance, enum refusal kind);

/* Loads the module into the engine: parses, links, compiles; asks it for its buffer and the size of its
 * state, which must be what the manifest declares, else WM_ENOTSUP. */
wm_status instance_load(struct instance *instance, char *why, size_t why_cap);
void instance_unload(struct instance *instance);

/* The declared state of a running instance, in its memory: until its next event. */
void instance_leave(struct instance *instance, struct legacy *legacy);

/* Runs the module's start, hands over what is left to it - the state, as it is when schema and size are
 * equal, else through migrate(); those of `parameters` that it has too - and its config. Needs
 * instance_load(). */
wm_status instance_start(struct instance *instance, struct span parameters, const struct legacy *legacy,
                         enum hand_over *handed, char *why, size_t why_cap);

/* In place of instance_start(), for a snapshot of which the head was read: whole, then nothing of the
 * module runs; or only its declared state, then it starts and what follows goes there. Then
 * instance_restored(), once all of it came. Needs instance_load(). */
wm_status instance_restore(struct instance *instance, struct state_reader *reader, bool whole, char *why,
                           size_t why_cap);
wm_status instance_restored(struct instance *instance, const struct state_reader *reader, char *why,
                            size_t why_cap);

/* Events. On WM_ETRAP / WM_EBUDGET the instance must be unloaded. */
wm_status instance_sample(struct instance *instance, uint32_t input, int64_t time_ms,
                          const float *values, size_t count, char *why, size_t why_cap);
wm_status instance_tick(struct instance *instance, int64_t now_ms, char *why, size_t why_cap);
wm_status instance_configure(struct instance *instance, struct span chosen, char *why, size_t why_cap);

#endif
