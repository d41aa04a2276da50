/* The node restarts when it is asked to, once its answer has left. */
#ifndef WASMOTE_RESTART_H
#define WASMOTE_RESTART_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "hal.h"

/* Obeys a message of POST /node (SPEC), signed or not, whose answer is sent behind this call. WM_EINVAL:
 * not one; WM_EPERM: not from whom it must be, or an old one; WM_EBUSY: this board does not restart so.
 */
wm_status restart_order(const uint8_t *message, size_t len, bool is_signed, char *why, size_t why_cap);

#endif
