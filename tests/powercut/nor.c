#include "nor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "hal.h"

#define NOR_WINDOWS (MODULE_SLOTS + 1)

/* A bit that reads the same each time is equal in `cell` and `other`. What lies behind `used` is erased:
 * saving and loading need not touch it. */
struct sector {
    uint32_t at, size, used;
    enum hal_flash_area area;
    uint8_t *cell, *other;
    uint8_t *stuck; /* NULL: no bit is */
    bool dead;
    bool is_protected;
};

static struct sector sectors[NOR_SECTORS];
static size_t sector_count;
static uint32_t operations, cut_operation, random_state;
static enum cut cut_how;
static uint32_t erase_polls, polls_left;
static bool has_check_bits;
static size_t windows;
jmp_buf nor_power_fails;

static uint32_t random_word(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* ---- life ------------------------------------------------------------------------------- */

static void add_sector(enum hal_flash_area area, uint32_t size, uint32_t *at) {
    struct sector *sector = &sectors[sector_count++];
    free(sector->cell);
    free(sector->other);
    free(sector->stuck);
    *sector = (struct sector){.at = *at, .size = size, .area = area};
    sector->cell = malloc(size);
    sector->other = malloc(size);
    assert(sector->cell && sector->other);
    memset(sector->cell, 0xFF, size);
    memset(sector->other, 0xFF, size);
    *at += size;
}

void nor_reset(const struct geometry *geometry, uint32_t seed) {
    uint32_t at = 0x4000; /* what comes first is the firmware's */
    sector_count = 0;
    has_check_bits = false;
    add_sector(HAL_FLASH_RECORDS, geometry->records[0], &at);
    add_sector(HAL_FLASH_RECORDS, geometry->records[1], &at);
    add_sector(HAL_FLASH_KEYS, geometry->keys, &at);
    for (size_t i = 0; geometry->banks[i]; i++)
        add_sector(HAL_FLASH_BANKS, geometry->banks[i], &at);
    random_state = seed | 1u;
    nor_cut_at(UINT32_MAX, CUT_BEFORE);
    erase_polls = 0;
    nor_power_on();
}

void nor_keep_check_bits(void) {
    has_check_bits = true;
}

void nor_put_keys(const uint8_t *bytes, size_t len) {
    struct sector *sector = sectors;
    while (sector->area != HAL_FLASH_KEYS)
        sector++;
    assert(len <= sector->size);
    memcpy(sector->cell, bytes, len);
    memcpy(sector->other, bytes, len);
    sector->used = (uint32_t)len;
}

void nor_cut_at(uint32_t operation, enum cut how) {
    operations = 0;
    cut_operation = operation;
    cut_how = how;
}

uint32_t nor_operations(void) {
    return operations;
}

/* ---- images ----------------------------------------------------------------------------- */

struct nor_image {
    struct {
        uint32_t used;
        uint8_t *cell, *other;
    } part[NOR_SECTORS];
};

struct nor_image *nor_save(struct nor_image *into) {
    if (!into)
        into = calloc(1, sizeof *into);
    for (size_t i = 0; i < sector_count; i++) {
        uint32_t used = into->part[i].used = sectors[i].used;
        into->part[i].cell = realloc(into->part[i].cell, used + 1);
        into->part[i].other = realloc(into->part[i].other, used + 1);
        memcpy(into->part[i].cell, sectors[i].cell, used);
        memcpy(into->part[i].other, sectors[i].other, used);
    }
    return into;
}

void nor_load(const struct nor_image *image) {
    for (size_t i = 0; i < sector_count; i++) {
        uint32_t used = image->part[i].used;
        memset(sectors[i].cell, 0xFF, sectors[i].used);
        memset(sectors[i].other, 0xFF, sectors[i].used);
        memcpy(sectors[i].cell, image->part[i].cell, used);
        memcpy(sectors[i].other, image->part[i].other, used);
        sectors[i].used = used;
    }
}

void nor_forget(struct nor_image *image) {
    for (size_t i = 0; i < NOR_SECTORS; i++) {
        free(image->part[i].cell);
        free(image->part[i].other);
    }
    free(image);
}

/* ---- hal.h ------------------------------------------------------------------------------ */

static struct sector *sector_with(uint32_t at, size_t len) {
    for (size_t i = 0; i < sector_count; i++)
        if (at >= sectors[i].at && at + len <= sectors[i].at + sectors[i].size)
            return &sectors[i];
    return NULL;
}

size_t hal_flash_count(enum hal_flash_area area) {
    size_t count = 0;
    for (size_t i = 0; i < sector_count; i++)
        count += sectors[i].area == area;
    return count;
}

struct hal_flash_sector hal_flash_sector(enum hal_flash_area area, size_t index) {
    for (size_t i = 0; i < sector_count; i++)
        if (sectors[i].area == area && index-- == 0)
            return (struct hal_flash_sector){sectors[i].at, sectors[i].size};
    abort(); /* a caller's mistake */
}

/* What is not stable shows old bits, new ones, or a mixture, in one read all alike. */
wm_status hal_flash_read(uint32_t at, void *out, size_t len) {
    struct sector *sector = sector_with(at, len);
    if (!sector)
        return WM_EINVAL;
    const uint8_t *cell = sector->cell + (at - sector->at), *other = sector->other + (at - sector->at);
    memcpy(out, cell, len);
    if (memcmp(cell, other, len) == 0)
        return WM_OK;
    uint32_t bias = random_word() % 3;
    if (has_check_bits && bias == 2)
        return WM_EIO;
    for (size_t i = 0; i < len; i++) {
        uint8_t mask = bias == 0 ? 0 : bias == 1 ? 0xFF : (uint8_t)random_word();
        ((uint8_t *)out)[i] = (uint8_t)((cell[i] & ~mask) | (other[i] & mask));
    }
    return WM_OK;
}

/* An error of the chip, which leaves the word as it was. */
static bool is_refused(const struct sector *sector, uint32_t offset, const uint8_t *word) {
    bool blank = true, zeros = true;
    for (size_t i = 0; i < HAL_FLASH_WORD; i++) {
        blank = blank && sector->cell[offset + i] == 0xFF;
        zeros = zeros && word[i] == 0;
    }
    return has_check_bits && !blank && !zeros;
}

static void clear_bits(struct sector *sector, uint32_t offset, const uint8_t *word) {
    for (size_t i = 0; i < HAL_FLASH_WORD; i++) {
        sector->cell[offset + i] &= word[i];
        sector->other[offset + i] &= word[i];
    }
    if (sector->used < offset + HAL_FLASH_WORD)
        sector->used = offset + HAL_FLASH_WORD;
}

static void cut_program(struct sector *sector, uint32_t offset, const uint8_t *word) {
    uint8_t torn[HAL_FLASH_WORD];
    if (has_check_bits && (cut_how == CUT_TORN || cut_how == CUT_HALF))
        cut_how = CUT_UNSTABLE; /* the check bits do not fit any more */
    memset(torn, 0xFF, sizeof torn);
    for (size_t i = 0; i < HAL_FLASH_WORD; i++) {
        if (cut_how == CUT_AFTER || (cut_how == CUT_HALF && i < HAL_FLASH_WORD / 2))
            torn[i] = word[i];
        else if (cut_how == CUT_TORN)
            torn[i] = (uint8_t)(word[i] | random_word());
    }
    clear_bits(sector, offset, torn);
    for (size_t i = 0; cut_how == CUT_UNSTABLE && i < HAL_FLASH_WORD; i++)
        sector->other[offset + i] &= word[i];
    longjmp(nor_power_fails, 1);
}

wm_status hal_flash_program(uint32_t at, const void *words, size_t len) {
    struct sector *sector = sector_with(at, len);
    if (!sector || sector->area == HAL_FLASH_KEYS || at % HAL_FLASH_WORD || len % HAL_FLASH_WORD ||
        polls_left)
        abort(); /* a caller's mistake */
    if (sector->is_protected)
        return WM_EIO;
    for (size_t i = 0; i < len; i += HAL_FLASH_WORD) {
        uint32_t offset = at - sector->at + (uint32_t)i;
        if (is_refused(sector, offset, (const uint8_t *)words + i))
            return WM_EIO;
        if (operations++ == cut_operation)
            cut_program(sector, offset, (const uint8_t *)words + i);
        clear_bits(sector, offset, (const uint8_t *)words + i);
    }
    return WM_OK;
}

static void set_bits(struct sector *sector, uint32_t from, uint32_t to) {
    memset(sector->cell + from, 0xFF, to - from);
    memset(sector->other + from, 0xFF, to - from);
}

static void cut_erase(struct sector *sector) {
    if (cut_how == CUT_AFTER)
        set_bits(sector, 0, sector->used);
    else if (cut_how == CUT_HALF)
        set_bits(sector, 0, sector->used / 2);
    else if (cut_how == CUT_UNSTABLE)
        memset(sector->other, 0xFF, sector->used);
    for (uint32_t i = 0; cut_how == CUT_TORN && i < sector->used; i++) {
        uint8_t bits = (uint8_t)random_word();
        sector->cell[i] |= bits;
        sector->other[i] |= bits;
    }
    longjmp(nor_power_fails, 1);
}

/* With stuck bits `used` covers them. */
static void keep_stuck(struct sector *sector) {
    for (uint32_t i = 0; sector->stuck && i < sector->size; i++) {
        sector->cell[i] &= (uint8_t)~sector->stuck[i];
        sector->other[i] &= (uint8_t)~sector->stuck[i];
    }
    sector->used = sector->stuck ? sector->size : 0;
}

wm_status hal_flash_erase_start(uint32_t at) {
    struct sector *sector = sector_with(at, 1);
    if (!sector || sector->at != at || sector->area == HAL_FLASH_KEYS)
        abort(); /* a caller's mistake */
    if (sector->dead)
        return WM_EIO;
    if (operations++ == cut_operation)
        cut_erase(sector);
    set_bits(sector, 0, sector->used);
    keep_stuck(sector);
    polls_left = erase_polls;
    return WM_OK;
}

wm_status hal_flash_erase_poll(void) {
    if (polls_left == 0)
        return WM_OK;
    polls_left--;
    return WM_EAGAIN;
}

uint32_t hal_flash_erase_max_ms(uint32_t sector_bytes) {
    return sector_bytes / 1024 * 16; /* as an STM32F405's of 128 KiB */
}

void nor_erase_takes(uint32_t polls) {
    erase_polls = polls;
}

/* ---- windows ---------------------------------------------------------------------------- */

const uint8_t *hal_flash_map(uint32_t at, size_t len) {
    struct sector *sector = sector_with(at, len);
    if (!sector || windows == NOR_WINDOWS || polls_left)
        abort(); /* a caller's mistake */
    windows++;
    return sector->cell + (at - sector->at);
}

void hal_flash_unmap(const uint8_t *window) {
    windows -= window != NULL;
}

void nor_power_on(void) {
    polls_left = 0;
    windows = 0;
}

size_t nor_windows(void) {
    return windows;
}

/* ---- defects ---------------------------------------------------------------------------- */

void nor_stick(uint32_t at, uint8_t bits) {
    struct sector *sector = sector_with(at, 1);
    if (!sector->stuck)
        sector->stuck = calloc(1, sector->size);
    sector->stuck[at - sector->at] |= bits;
    keep_stuck(sector);
}

void nor_protect(enum hal_flash_area area, bool on) {
    for (size_t i = 0; i < sector_count; i++)
        if (sectors[i].area == area)
            sectors[i].is_protected = on;
}

void nor_kill(uint32_t at) {
    sector_with(at, 1)->dead = true;
}
