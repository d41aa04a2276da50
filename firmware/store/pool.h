/* The pool of module banks: a flash sector each, one bundle in each, front to back. A bank is in use
 * while a slot's record names it, or while somebody fills it; the others are taken in turn, so that all
 * wear alike. What was not finished when the node is reset is forgotten. */
#ifndef WASMOTE_POOL_H
#define WASMOTE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/sha256.h"
#include "core/status.h"

/* A bundle on its way into a bank; the caller's. */
struct bank_writer {
    int bank;
    uint32_t length; /* bytes taken: where the next one goes */
    struct sha256 hash;
};

/* After store_start(). */
void pool_start(void);
size_t pool_count(void);      /* banks */
uint32_t pool_capacity(void); /* bytes that every bank holds */

/* Takes a bank that nobody uses and begins to erase it. WM_EBUSY: all are in use. WM_EIO: those that are
 * not cannot be erased. */
wm_status pool_take(struct bank_writer *writer);
/* WM_EAGAIN while the erase goes on; then WM_OK, or WM_EIO: the bank is left alone until the next reset,
 * take another. */
wm_status pool_erased(struct bank_writer *writer);

/* In flash at once, to the last byte. WM_ENOMEM: the bank is full. WM_EIO: the flash did not take it. */
wm_status pool_append(struct bank_writer *writer, const uint8_t *bytes, size_t len);

/* Reads the whole back: WM_EDIGEST when it is not what was appended, and the bank is left alone until
 * the next reset. Else notes length and digest, and the bank can be named in a slot's record. It stays
 * taken until pool_release(). */
wm_status pool_finish(struct bank_writer *writer);

/* The caller needs the bank no longer; what slots say of it counts on. */
void pool_release(int bank);

/* True: what the bank holds is what was noted of it. Reads all of it. */
bool pool_check(int bank);

#endif
