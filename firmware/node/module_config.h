/* A module's parameters: CBOR maps from text to number (SPEC, /modules/N/config). */
#ifndef WASMOTE_MODULE_CONFIG_H
#define WASMOTE_MODULE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/manifest.h"

/* Writes every parameter of `defaults`, with its value in `chosen` where it has one. Returns the
 * encoded length; WM_ENOMEM when it does not fit. Both spans were checked before. */
int module_config_merge(struct span defaults, struct span chosen, uint8_t *out, size_t cap);

/* A map from text to number in which every name is one of defaults'? WM_EINVAL with the reason. */
wm_status module_config_check(struct span defaults, struct span chosen, char *why, size_t why_cap);

/* The value of a parameter; false when there is none of that name. */
bool module_config_number(struct span config, const char *key, size_t key_len, double *value);

#endif
