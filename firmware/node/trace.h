/* The trace of one slot (SPEC, /modules/N/trace): each event that enters its module, and what the module
 * called in it and was answered, a record each in a ring. With a snapshot of the module before it, these
 * are all that its outputs depend on. */
#ifndef WASMOTE_TRACE_H
#define WASMOTE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "core/status.h"
#include "node/record_ring.h"

struct instance;

/* What a record tells of, and the keys it does so with. */
enum trace_kind { TRACE_BEGAN, TRACE_SAMPLE, TRACE_TICK, TRACE_CONFIG };
enum trace_key {
    TRACE_KEY_SEQUENCE,
    TRACE_KEY_KIND,
    TRACE_KEY_EVENT,   /* events handled before it: its number */
    TRACE_KEY_TIME,    /* of a sample or a tick */
    TRACE_KEY_INPUT,   /* of a sample */
    TRACE_KEY_CONTENT, /* values, or all parameters as on_config gets them */
    TRACE_KEY_CALLS,
    TRACE_KEY_TRAP,
    TRACE_KEY_CUT,   /* larger than TRACE_EVENT_MAX: content and calls are missing */
    TRACE_KEY_DIGEST /* of the module that began */
};

/* The first item of a call is the function's place in host_api.toml. */
enum trace_call { CALL_SENSOR_READ = 0, CALL_EMIT = 1, CALL_NOW_MS = 3, CALL_RANDOM = 5 };

/* What runs in the slot is traced from its next event on. WM_EBUSY: another slot is. */
wm_status trace_start(int slot, const struct instance *running, char *why, size_t why_cap);
/* The records stay until the next trace begins. */
void trace_stop(int slot);

bool trace_is_on(int slot);

/* What was taken of the slot; NULL: nothing, the ring is another's. */
const struct record_ring *trace_ring(int slot);
/* The number of the next record, whichever slot's it will be. */
uint32_t trace_next(void);

/* A module begins in a slot, from now on it is the one that is traced; it stops being so while it is
 * made to begin anew. */
void trace_adopt(int slot, const struct instance *instance);
void trace_leave(const struct instance *instance);

/* An event begins; what it calls; it is over, trapped unless `trap` is NULL. Nothing for an instance
 * that is not traced. */
void trace_sample(const struct instance *instance, uint32_t input, int64_t time_ms, const float *values,
                  size_t count);
void trace_tick(const struct instance *instance, int64_t now_ms);
void trace_config(const struct instance *instance);
void trace_sensor_read(const struct instance *instance, int32_t input, int32_t result,
                       const uint8_t *values);
void trace_emit(const struct instance *instance, int32_t stream);
void trace_now_ms(const struct instance *instance, int64_t now_ms);
void trace_random(const struct instance *instance, const uint8_t *bytes, uint32_t len);
void trace_end(const struct instance *instance, const char *trap);

#endif
