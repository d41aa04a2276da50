/* Numbers that only grow, under names: for each name of a module the sequence number of the newest
 * release that ran, and the number of the newest change of the keys. They are in the store: what was
 * raised stays so over a cut of power. */
#ifndef WASMOTE_COUNTERS_H
#define WASMOTE_COUNTERS_H

#include <stdint.h>

#include "core/status.h"

#define COUNTER_OF_MODULES "module"
#define COUNTER_OF_KEYS "keys"

/* What was counted of this kind under this name; 0 when it was never raised. */
uint32_t counter_get(const char *kind, const char *name);

/* WM_EINVAL: the value is lower; WM_ENOMEM: no room for another name; WM_EIO: the flash did not take it.
 * The same is WM_OK. */
wm_status counter_raise(const char *kind, const char *name, uint32_t value);

#endif
