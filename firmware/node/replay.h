/* Traced events (node/trace.h) brought to a paused module again, and to its calls the answers of then:
 * what the module does now must be what it did. */
#ifndef WASMOTE_REPLAY_H
#define WASMOTE_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "node/manifest.h"

/* Runs the events of a CBOR array of trace records, in order. WM_EINVAL: not that, or no events of this
 * module; nothing was run. WM_EBUSY: the slot is not paused, or an event is not the next one; those
 * before it were run. WM_ETRAP, WM_EBUDGET: the module trapped, and so is the slot's state; with
 * *strayed it called something else than in the recording. */
wm_status replay_events(int slot, struct span records, bool *strayed, char *why, size_t why_cap);

/* ---- for guest_host.c: in an event that is replayed --------------------------------------- */

bool replay_is_on(void);
/* WM_ETRAP, or false: another call than in the recording. */
int32_t replay_sensor_read(int32_t input, uint8_t *values, uint32_t cap);
bool replay_emit(int32_t stream);
int64_t replay_now_ms(void);
void replay_random(uint8_t *out, uint32_t len);

#endif
