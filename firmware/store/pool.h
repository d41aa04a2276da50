/* The pool of module banks: a flash sector each, one bundle in each, front to back. A bank is in use
 * while a slot's record names it, or while somebody fills it; the others are taken in turn, so that all
 * wear alike. One of those is blank, or made so ahead of need: erasing takes longer than a client waits.
 * Which one is known only in RAM, since a sector whose erase was cut may read as anything: after a reset
 * none is blank. What was not finished then is forgotten. */
#ifndef WASMOTE_POOL_H
#define WASMOTE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/sha256.h"
#include "core/status.h"
#include "store/store.h"

/* A bundle on its way into a bank; the caller's. */
struct bank_writer {
    int bank;
    uint32_t length; /* bytes taken: where the next one goes */
    uint32_t
        programmed; /* bytes in the bank: whole words, more than `length` where an upload began again */
    struct sha256 hash;
};

/* After store_start(). */
void pool_start(void);
size_t pool_count(void);      /* banks */
size_t pool_unused(void);     /* of them, those that nobody uses */
uint32_t pool_capacity(void); /* bytes that every bank holds */
uint32_t pool_erases(void);   /* banks erased since pool_start() */

/* Begins to make a bank blank where none is. On boards that stand still for an erase it blocks. WM_OK:
 * one is, or will be; WM_EBUSY: all are in use; WM_EIO: those that are not cannot be erased. */
wm_status pool_prepare(void);
/* WM_EAGAIN while an erase goes on; WM_OK: a bank is blank; WM_ENOENT: none is, and none will be. */
wm_status pool_prepared(void);

/* Takes a bank that nobody uses, the blank one or one that it begins to erase. Errors as above. */
wm_status pool_take(struct bank_writer *writer);
/* WM_EAGAIN while the erase goes on; then WM_OK, or WM_EIO: the bank is left alone until the next reset,
 * take another. */
wm_status pool_erased(struct bank_writer *writer);

/* In flash at once, to the last byte; whole words, but for the last part of a bundle. WM_ENOMEM: the
 * bank is full. WM_EIO: the flash did not take it, and the bank is left alone until the next reset.
 * WM_EINVAL: behind a part that was no whole words; or an upload began again, and goes on with other
 * bytes than the first time. */
wm_status pool_append(struct bank_writer *writer, const uint8_t *bytes, size_t len);

/* Reads the whole back: WM_EDIGEST when it is not what was appended, and the bank is left alone until
 * the next reset. Else notes length and digest, and under what name the caller knows it, and the bank
 * can be named in a slot's record. It stays taken until pool_release(). */
wm_status pool_finish(struct bank_writer *writer, const uint8_t name[STORE_NAME_BYTES]);

/* The caller needs the bank no longer; what slots say of it counts on. */
void pool_release(int bank);

/* The same for one that is not finished. An upload that then begins again with the bytes that are there
 * goes on in the same bank: nothing is erased for an answer that was lost. */
void pool_abandon(struct bank_writer *writer);
/* Whether that bank holds these bytes, or the first of them and nothing else. */
bool pool_begins_with(const uint8_t *bytes, size_t len);
/* Only where pool_begins_with(). */
void pool_take_again(struct bank_writer *writer);

/* Where the first bytes of a bank can be read in place, until hal_flash_unmap(); NULL: no window. */
const uint8_t *pool_map(int bank, size_t len);

/* True: what the bank holds is what was noted of it. Reads all of it. */
bool pool_check(int bank);

#endif
