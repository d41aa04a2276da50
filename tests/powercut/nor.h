/* NOR flash whose power can be cut at any operation: the flash part of hal.h over memory. Programming
 * clears bits, erasing sets those of a sector; a word that is being programmed, or a sector that is
 * being erased, when power fails may be undone, done, or something in between, and may read differently
 * each time until it is erased. */
#ifndef NOR_H
#define NOR_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal.h"

enum cut {
    CUT_BEFORE,
    CUT_AFTER,
    CUT_TORN,     /* some bits of the word have changed; some bits of the sector are erased */
    CUT_HALF,     /* half of the word; the first half of the sector */
    CUT_UNSTABLE, /* each read gives the old bits, the new ones, or a mixture */
    CUTS
};

#define NOR_SECTORS 16

struct geometry {
    const char *name;
    uint32_t records[2];
    uint32_t keys;
    uint32_t banks[NOR_SECTORS]; /* 0 behind the last */
};

/* Erased flash of that geometry, and power that lasts. */
void nor_reset(const struct geometry *geometry, uint32_t seed);

/* Until nor_reset(): words have check bits, as an STM32L4's. They are programmed once, or to zeros, and
 * one that is neither old nor new is an error when it is read. */
void nor_keep_check_bits(void);

/* Fills the area of keys from its start, as whoever flashes the board does. */
void nor_put_keys(const uint8_t *bytes, size_t len);

/* Operations since nor_count_from(0): words programmed, sectors erased. */
uint32_t nor_operations(void);

/* Power fails at the operation of that number, counted from now on; then nor_power_fails is jumped to.
 * UINT32_MAX: it does not. */
void nor_cut_at(uint32_t operation, enum cut how);
extern jmp_buf nor_power_fails;

/* What the flash holds, to go back to. */
struct nor_image;
struct nor_image *nor_save(struct nor_image *into); /* NULL: a new one */
void nor_load(const struct nor_image *image);
void nor_forget(struct nor_image *image);

/* How often an erase is asked after before it is done; programming meanwhile, and reading in place, ends
 * the test. */
void nor_erase_takes(uint32_t polls);

/* Nothing is erased or mapped any more. */
void nor_power_on(void);

/* Windows that are mapped: as many as hal.h promises at least, another one ends the test. */
size_t nor_windows(void);

/* Whether programming an area reports an error. */
void nor_protect(enum hal_flash_area area, bool on);

/* Defects. A stuck bit stays 0; a dead sector reports an error when it is erased. */
void nor_stick(uint32_t at, uint8_t bits);
void nor_kill(uint32_t at);

#endif
