/* What must survive a reset, kept in the record log: which bank each slot runs, what the banks hold,
 * counters that never go back, trusted keys, the number of boots. Reads are from RAM; each write is in
 * flash when it returns. */
#ifndef WASMOTE_STORE_H
#define WASMOTE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "core/sha256.h"
#include "core/status.h"

#define STORE_BANKS_MAX 16
#define STORE_NO_BANK 0xFF

enum store_state {
    STORE_EMPTY,      /* nothing to start */
    STORE_CONFIRMED,  /* `active` is to run */
    STORE_PROBATION,  /* `active` runs, `fallback` takes over when it does not behave */
    STORE_QUARANTINED /* `active` failed at start again and again: it is not started */
};

/* Why a module was taken out of service. */
enum store_cause {
    STORE_NO_CAUSE,
    STORE_TRAP,     /* it trapped or took too long */
    STORE_RESET,    /* the node was reset during probation */
    STORE_BOOT,     /* it did not come through its start */
    STORE_REQUESTED /* somebody asked for it */
};

#define STORE_NAME_BYTES 8 /* by which the user of a bank knows what it holds */

struct store_slot {
    uint8_t state;                    /* enum store_state */
    uint8_t active;                   /* banks, STORE_NO_BANK where there is none */
    uint8_t candidate;                /* installed and not started yet */
    uint8_t fallback;                 /* the last confirmed one, during probation */
    uint8_t attempts;                 /* starts since it last proved to work */
    uint8_t cause;                    /* enum store_cause: the last one, */
    uint8_t failed[STORE_NAME_BYTES]; /* and the module that it befell */
    uint8_t stopped;                  /* 1: somebody stopped `active`: it is not started by itself */
};

struct store_bank {
    uint32_t length; /* of the bundle; 0: not known to hold one */
    uint8_t digest[SHA256_BYTES];
    uint8_t name[STORE_NAME_BYTES]; /* what its user calls it */
};

/* Reads the log and counts a boot. WM_EIO: the flash takes no records; what could be read is there, and
 * every write fails. Thread, once, before all others. */
wm_status store_start(void);
uint32_t store_boots(void);

/* Erases records ahead where fewer than `records` could be written without that; blocks for it. */
wm_status store_make_room(uint32_t records);
uint32_t store_room(void); /* records that can be */
/* How often a sector of records was erased since the board was made. */
uint32_t store_erases(void);

const struct store_slot *store_slot(int slot);
wm_status store_put_slot(int slot, const struct store_slot *value);

const struct store_bank *store_bank(int bank);
wm_status store_put_bank(int bank, const struct store_bank *value);

/* A counter of what was taken last, such as the sequence number of a module of that name; `id` is the
 * caller's hash of it. 0 when it was never raised. */
#define STORE_COUNTER_ID_BYTES 16
uint32_t store_counter(const uint8_t id[STORE_COUNTER_ID_BYTES]);
/* WM_EINVAL: the value is lower; WM_ENOMEM: STORE_COUNTERS_MAX are in use; WM_EIO. The same is WM_OK. */
wm_status store_raise_counter(const uint8_t id[STORE_COUNTER_ID_BYTES], uint32_t value);

/* How many ids more can be counted. */
int store_counters_free(void);

/* Trusted keys: those that were there when the board was flashed, each at its place until it is
 * replaced. NULL: no key there. */
#define STORE_KEY_BYTES 32
const uint8_t *store_key(int index);
/* True: the area of keys is neither blank nor whole, so that keys may be missing. */
bool store_keys_are_damaged(void);
/* NULL removes it. One record, so that a rotation is done or not. */
wm_status store_put_key(int index, const uint8_t key[STORE_KEY_BYTES]);

#endif
