#include "store/pool.h"

#include <string.h>

#include "hal.h"
#include "store/erase.h"

#define NONE (-1)

static struct {
    uint32_t taken; /* bit sets of banks */
    uint32_t bad;
    size_t turn; /* where to look for the next one */
    int blank;   /* erased since the reset, and not written to */
    int erasing; /* on its way there */
    uint32_t erases;
    struct bank_writer left; /* an upload that was abandoned; bank NONE: its bank was taken since */
} pool;

static struct hal_flash_sector sector_of(int bank) {
    return hal_flash_sector(HAL_FLASH_BANKS, (size_t)bank);
}

void pool_start(void) {
    pool.taken = 0;
    pool.bad = 0;
    pool.turn = store_boots(); /* another one first after each boot */
    pool.blank = NONE;
    pool.erasing = NONE;
    pool.left.bank = NONE;
    pool.erases = 0;
}

uint32_t pool_erases(void) {
    return pool.erases;
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

size_t pool_unused(void) {
    size_t unused = 0;
    for (size_t bank = 0; bank < pool_count(); bank++)
        unused += !in_use((int)bank);
    return unused;
}

/* ---- erasing ---------------------------------------------------------------------------- */

static void is_bad(int bank) {
    pool.bad |= 1u << bank;
}

/* The erase that goes on, if one does, has come to its end. */
static void settle(void) {
    erase_wait();
    if (pool.erasing != NONE && erase_poll() != WM_OK)
        is_bad(pool.erasing);
    pool.erasing = NONE;
}

static wm_status begin_erase(int bank) {
    settle();
    wm_status status = erase_begin(sector_of(bank).at);
    if (status) {
        is_bad(bank);
        return status;
    }
    pool.erases++;
    pool.erasing = bank;
    if (pool.left.bank == bank)
        pool.left.bank = NONE;
    return WM_OK;
}

static wm_status erase_next(void) {
    wm_status status = WM_EBUSY;
    for (size_t tried = 0; tried < pool_count(); tried++) {
        int bank = (int)(pool.turn++ % pool_count());
        if (in_use(bank))
            continue;
        status = pool.bad & 1u << bank ? WM_EIO : begin_erase(bank);
        if (status == WM_OK)
            break;
    }
    return status;
}

wm_status pool_prepare(void) {
    bool will_be_blank = pool.erasing != NONE && !in_use(pool.erasing);
    return pool.blank != NONE || will_be_blank ? WM_OK : erase_next();
}

wm_status pool_prepared(void) {
    if (pool.erasing == NONE || in_use(pool.erasing))
        return pool.blank != NONE ? WM_OK : WM_ENOENT;
    wm_status status = erase_poll();
    if (status == WM_EAGAIN)
        return status;
    if (status == WM_OK)
        pool.blank = pool.erasing;
    else
        is_bad(pool.erasing);
    pool.erasing = NONE;
    return status == WM_OK ? WM_OK : WM_ENOENT;
}

/* ---- taking ----------------------------------------------------------------------------- */

wm_status pool_take(struct bank_writer *writer) {
    writer->bank = STORE_NO_BANK;
    wm_status status = pool_prepare();
    if (status)
        return status;
    *writer = (struct bank_writer){.bank = pool.blank != NONE ? pool.blank : pool.erasing};
    sha256_init(&writer->hash);
    pool.taken |= 1u << writer->bank;
    if (pool.blank != NONE)
        pool.blank = NONE;
    return WM_OK;
}

/* Nothing can go on with what is in its bank. */
static wm_status let_go(struct bank_writer *writer, wm_status status) {
    pool_release(writer->bank);
    writer->bank = STORE_NO_BANK;
    return status;
}

static wm_status give_up(struct bank_writer *writer) {
    is_bad(writer->bank);
    return let_go(writer, WM_EIO);
}

wm_status pool_erased(struct bank_writer *writer) {
    if (pool.erasing == writer->bank && erase_poll() == WM_EAGAIN)
        return WM_EAGAIN;
    if (pool.erasing == writer->bank)
        settle();
    return pool.bad & 1u << writer->bank ? give_up(writer) : WM_OK;
}

void pool_abandon(struct bank_writer *writer) {
    if (writer->bank == STORE_NO_BANK)
        return;
    pool_release(writer->bank);
    if (writer->programmed)
        pool.left = *writer;
    else if (pool.erasing != writer->bank && pool.blank == NONE)
        pool.blank = writer->bank;
    writer->bank = STORE_NO_BANK;
}

bool pool_begins_with(const uint8_t *bytes, size_t len) {
    if (pool.left.bank == NONE || pool.bad & 1u << pool.left.bank || in_use(pool.left.bank) || len == 0)
        return false;
    if (len > pool.left.programmed)
        len = pool.left.programmed;
    const uint8_t *window = pool_map(pool.left.bank, len);
    bool same = window && memcmp(window, bytes, len) == 0;
    hal_flash_unmap(window);
    return same;
}

void pool_take_again(struct bank_writer *writer) {
    *writer = (struct bank_writer){.bank = pool.left.bank, .programmed = pool.left.programmed};
    sha256_init(&writer->hash);
    pool.taken |= 1u << writer->bank;
    pool.left.bank = NONE;
}

/* ---- writing ---------------------------------------------------------------------------- */

_Static_assert(MODULE_BANK_BYTES % HAL_FLASH_WORD == 0, "a bank is whole words");

static uint32_t whole_words(uint32_t len) {
    return (len + HAL_FLASH_WORD - 1) / HAL_FLASH_WORD * HAL_FLASH_WORD;
}

/* The last word is filled with ones. */
static wm_status program(uint32_t at, const uint8_t *bytes, size_t len) {
    uint8_t word[HAL_FLASH_WORD];
    size_t tail = len % HAL_FLASH_WORD, whole = len - tail;
    wm_status status = whole ? hal_flash_program(at, bytes, whole) : WM_OK;
    if (status || tail == 0)
        return status;
    memset(word, 0xFF, sizeof word);
    memcpy(word, bytes + whole, tail);
    return hal_flash_program(at + (uint32_t)whole, word, sizeof word);
}

/* Of `len` bytes more, those that are there from an upload before. */
static uint32_t are_there(const struct bank_writer *writer, size_t len) {
    uint32_t there = writer->programmed > writer->length ? writer->programmed - writer->length : 0;
    return there < len ? there : (uint32_t)len;
}

/* True unless other bytes are there already. */
static bool fits(const struct bank_writer *writer, const uint8_t *bytes, uint32_t there) {
    bool same = true;
    for (uint32_t at = 0; same && at < there;) {
        uint8_t part[64];
        uint32_t size = there - at < sizeof part ? there - at : sizeof part;
        same = hal_flash_read(sector_of(writer->bank).at + writer->length + at, part, size) == WM_OK &&
               memcmp(part, bytes + at, size) == 0;
        at += size;
    }
    return same;
}

wm_status pool_append(struct bank_writer *writer, const uint8_t *bytes, size_t len) {
    if (len > pool_capacity() - writer->length)
        return WM_ENOMEM;
    if (writer->length % HAL_FLASH_WORD)
        return WM_EINVAL;
    erase_wait();
    uint32_t there = are_there(writer, len);
    if (!fits(writer, bytes, there))
        return let_go(writer, WM_EINVAL);
    if (writer->programmed < writer->length + len)
        writer->programmed = whole_words(writer->length + (uint32_t)len);
    if (program(sector_of(writer->bank).at + writer->length + there, bytes + there, len - there))
        return give_up(writer);
    sha256_update(&writer->hash, bytes, len);
    writer->length += (uint32_t)len;
    return WM_OK;
}

/* ---- checking --------------------------------------------------------------------------- */

static wm_status digest_of(int bank, uint32_t length, uint8_t digest[SHA256_BYTES]) {
    struct sha256 hash;
    uint8_t part[64];
    sha256_init(&hash);
    erase_wait();
    for (uint32_t offset = 0; offset < length; offset += sizeof part) {
        uint32_t len = length - offset < sizeof part ? length - offset : sizeof part;
        if (hal_flash_read(sector_of(bank).at + offset, part, len))
            return WM_EIO;
        sha256_update(&hash, part, len);
    }
    sha256_final(&hash, digest);
    return WM_OK;
}

wm_status pool_finish(struct bank_writer *writer, const uint8_t name[STORE_NAME_BYTES]) {
    struct store_bank noted = {.length = writer->length};
    memcpy(noted.name, name, sizeof noted.name);
    uint8_t back[SHA256_BYTES];
    sha256_final(&writer->hash, noted.digest);
    bool whole =
        !digest_of(writer->bank, noted.length, back) && memcmp(back, noted.digest, sizeof back) == 0;
    if (!whole) {
        is_bad(writer->bank);
        return WM_EDIGEST;
    }
    return store_put_bank(writer->bank, &noted);
}

void pool_release(int bank) {
    if (bank >= 0 && bank < STORE_BANKS_MAX)
        pool.taken &= ~(1u << bank);
}

const uint8_t *pool_map(int bank, size_t len) {
    erase_wait();
    return hal_flash_map(sector_of(bank).at, len);
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
