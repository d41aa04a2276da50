#include "store/pool.h"

#include <string.h>

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

static uint32_t address(const struct bank_writer *writer, uint32_t offset) {
    return sector_of(writer->bank).at + offset;
}

/* Whole words go to flash as they come, what is left of one waits for more. */
static wm_status append_words(struct bank_writer *writer, const uint8_t *bytes, size_t len) {
    size_t whole = len - len % HAL_FLASH_WORD;
    if (whole && hal_flash_program(address(writer, writer->length), bytes, whole))
        return WM_EIO;
    writer->length += (uint32_t)whole;
    memcpy(writer->word, bytes + whole, len - whole);
    writer->length += (uint32_t)(len - whole);
    return WM_OK;
}

static wm_status fill_word(struct bank_writer *writer, const uint8_t **bytes, size_t *len) {
    size_t held = writer->length % HAL_FLASH_WORD;
    while (held && *len) {
        writer->word[held++] = *(*bytes)++;
        writer->length++;
        --*len;
        if (held < HAL_FLASH_WORD)
            continue;
        return hal_flash_program(address(writer, writer->length - HAL_FLASH_WORD), writer->word,
                                 HAL_FLASH_WORD);
    }
    return WM_OK;
}

wm_status pool_append(struct bank_writer *writer, const uint8_t *bytes, size_t len) {
    if (len > pool_capacity() - writer->length)
        return WM_ENOMEM;
    if (len == 0)
        return WM_OK;
    sha256_update(&writer->hash, bytes, len);
    wm_status status = fill_word(writer, &bytes, &len);
    if (status == WM_OK && len)
        status = append_words(writer, bytes, len);
    return status ? WM_EIO : WM_OK;
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

static wm_status flush(struct bank_writer *writer) {
    size_t held = writer->length % HAL_FLASH_WORD;
    if (held == 0)
        return WM_OK;
    memset(writer->word + held, 0xFF, HAL_FLASH_WORD - held);
    return hal_flash_program(address(writer, writer->length - (uint32_t)held), writer->word,
                             HAL_FLASH_WORD);
}

wm_status pool_finish(struct bank_writer *writer) {
    struct store_bank noted = {.length = writer->length};
    uint8_t back[SHA256_BYTES];
    sha256_final(&writer->hash, noted.digest);
    bool whole = !flush(writer) && !digest_of(writer->bank, noted.length, back) &&
                 memcmp(back, noted.digest, sizeof back) == 0;
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
