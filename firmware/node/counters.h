/* Numbers that only grow: for each name of a module the sequence number of the newest release that ran.
 * They are in RAM, and begin at 0 after a reset. */
#ifndef WASMOTE_COUNTERS_H
#define WASMOTE_COUNTERS_H

#include <stdint.h>

#include "core/status.h"

/* What was counted of this kind under this name; 0 when it was never raised. */
uint32_t counter_get(const char *kind, const char *name);

/* WM_EINVAL: the value is lower; WM_ENOMEM: COUNTERS_MAX others are in use. The same is WM_OK. */
wm_status counter_raise(const char *kind, const char *name, uint32_t value);

#endif
