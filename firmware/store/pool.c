#include "store/pool.h"

#include <string.h>

#include "hal.h"
#include "store/store.h"

static struct {
    uint32_t taken; /* bit sets of banks */
    uint32_t bad;
    size_t turn; /* where to look for the next one */
} pool;

static struct hal_flash_sector sector_of(int bank) {
    return hal_flash_sector(HAL_FLASH_BANKS, (size_t)bank);
}

void pool_start(void) {
    pool.taken = 0;
    pool.bad = 0;
    pool.turn = store_boots(); /* another one first after each boot */
}

size_t pool_count(void) {
    size_t count = hal_flash_count(HAL_FLASH_BANKS);
    return count < STORE_BANKS_MAX ? count : STORE_BANKS_MAX;
}

uint32_t pool_capacity(void) {
    uint32_t least = MODULE_BANK_BYTES;
    for (size_t bank = 0; bank < pool_count(); bank++)
        if (sector_of((int)bank).size < least)
            least = sector_of((int)bank).size;
    return least;
}

static bool in_use(int bank) {
    if (pool.taken & 1u << bank)
        return true;
    for (int index = 0; index < MODULE_SLOTS; index++) {
        const struct store_slot *slot = store_slot(index);
        if (slot->active == bank || slot->candidate == bank || slot->fallback == bank)
            return true;
    }
    return false;
}

wm_status pool_take(struct bank_writer *writer) {
    wm_status status = WM_EBUSY;
    writer->bank = STORE_NO_BANK;
    for (size_t tried = 0; tried < pool_count(); tried++) {
        int bank = (int)(pool.turn++ % pool_count());
        if (in_use(bank))
            continue;
        status = pool.bad & 1u << bank ? WM_EIO : hal_flash_erase_start(sector_of(bank).at);
        if (status) {
            pool.bad |= 1u << bank;
            continue;
        }
        *writer = (struct bank_writer){.bank = bank};
        sha256_init(&writer->hash);
        pool.taken |= 1u << bank;
        return WM_OK;
    }
    return status;
}

static wm_status give_up(struct bank_writer *writer) {
    pool.bad |= 1u << writer->bank;
    pool_release(writer->bank);
    writer->bank = STORE_NO_BANK;
    return WM_EIO;
}

wm_status pool_erased(struct bank_writer *writer) {
    wm_status status = hal_flash_erase_poll();
    return status == WM_OK || status == WM_EAGAIN ? status : give_up(writer);
}

/* ---- writing ---------------------------------------------------------------------------- */

/* A word may be programmed in parts: ones change nothing. */
static wm_status program_part(uint32_t at, const uint8_t *bytes, size_t len) {
    uint8_t word[HAL_FLASH_WORD];
    uint32_t before = at % HAL_FLASH_WORD;
    memset(word, 0xFF, sizeof word);
    memcpy(word + before, bytes, len);
    return hal_flash_program(at - before, word, sizeof word);
}

static wm_status program(uint32_t at, const uint8_t *bytes, size_t len) {
    size_t head = (HAL_FLASH_WORD - at % HAL_FLASH_WORD) % HAL_FLASH_WORD;
    head = head < len ? head : len;
    size_t whole = (len - head) / HAL_FLASH_WORD * HAL_FLASH_WORD, tail = len - head - whole;
    wm_status status = head ? program_part(at, bytes, head) : WM_OK;
    if (status == WM_OK && whole)
        status = hal_flash_program(at + (uint32_t)head, bytes + head, whole);
    if (status == WM_OK && tail)
        status = program_part(at + (uint32_t)(head + whole), bytes + head + whole, tail);
    return status;
}

wm_status pool_append(struct bank_writer *writer, const uint8_t *bytes, size_t len) {
    if (len > pool_capacity() - writer->length)
        return WM_ENOMEM;
    if (program(sector_of(writer->bank).at + writer->length, bytes, len))
        return WM_EIO;
    sha256_update(&writer->hash, bytes, len);
    writer->length += (uint32_t)len;
    return WM_OK;
}

/* ---- checking --------------------------------------------------------------------------- */

static wm_status digest_of(int bank, uint32_t length, uint8_t digest[SHA256_BYTES]) {
    struct sha256 hash;
    uint8_t part[64];
    sha256_init(&hash);
    for (uint32_t offset = 0; offset < length; offset += sizeof part) {
        uint32_t len = length - offset < sizeof part ? length - offset : sizeof part;
        if (hal_flash_read(sector_of(bank).at + offset, part, len))
            return WM_EIO;
        sha256_update(&hash, part, len);
    }
    sha256_final(&hash, digest);
    return WM_OK;
}

wm_status pool_finish(struct bank_writer *writer) {
    struct store_bank noted = {.length = writer->length};
    uint8_t back[SHA256_BYTES];
    sha256_final(&writer->hash, noted.digest);
    bool whole =
        !digest_of(writer->bank, noted.length, back) && memcmp(back, noted.digest, sizeof back) == 0;
    if (!whole) {
        pool.bad |= 1u << writer->bank;
        return WM_EDIGEST;
    }
    return store_put_bank(writer->bank, &noted);
}

void pool_release(int bank) {
    if (bank >= 0 && bank < STORE_BANKS_MAX)
        pool.taken &= ~(1u << bank);
}

bool pool_check(int bank) {
    uint8_t digest[SHA256_BYTES];
    if (bank < 0 || (size_t)bank >= pool_count())
        return false;
    const struct store_bank *noted = store_bank(bank);
    return noted->length > 0 && noted->length <= pool_capacity() &&
           digest_of(bank, noted->length, digest) == WM_OK &&
           memcmp(digest, noted->digest, sizeof digest) == 0;
}
