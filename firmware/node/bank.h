/* The pool of module banks: where installed bundles lie, one more than there are slots, so that
 * an upload always has a spare while everything runs. A bank is written once, front to back, like
 * the flash sectors it stands for; this pool is in RAM and forgets at a reset. */
#ifndef WASMOTE_BANK_H
#define WASMOTE_BANK_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "core/status.h"

#define BANK_COUNT (MODULE_SLOTS + 1)
#define BANK_NONE (-1)

/* Takes a free bank, erased; its number, or WM_EBUSY when all are in use. */
int bank_take(void);
void bank_release(int bank);

/* Appends. offset must be what was written so far: WM_EINVAL otherwise; WM_ENOMEM when full. */
wm_status bank_write(int bank, size_t offset, const uint8_t *bytes, size_t len);

const uint8_t *bank_bytes(int bank);
size_t bank_length(int bank);

#endif
