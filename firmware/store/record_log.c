#include "store/record_log.h"

#include <string.h>

#include "core/bytes.h"
#include "core/crc32.h"
#include "hal.h"
#include "store/erase.h"

#define HEADER_TYPE 0xA5
#define HEADER_FORMAT 1
#define HEADERS 4 /* room for copies of a header */
#define CRC_AT (RECORD_BYTES - 4)

_Static_assert(RECORD_BYTES % HAL_FLASH_WORD == 0, "a record is whole words");
_Static_assert(4 + RECORD_PAYLOAD + 4 == RECORD_BYTES, "type, key, two spare bytes; CRC");

struct header {
    bool valid;
    uint32_t generation; /* the sector with the higher one is active */
    uint32_t first;      /* slots that were written before the header: what follows was appended */
};

static struct {
    const struct record_owner *owner;
    int active;
    uint32_t generation;
    uint32_t next; /* the slot that the next record goes to */
} record_log;

/* ---- slots ------------------------------------------------------------------------------ */

static uint32_t slot_at(int sector, uint32_t slot) {
    return hal_flash_sector(HAL_FLASH_RECORDS, (size_t)sector).at + slot * RECORD_BYTES;
}

static uint32_t slot_count(int sector) {
    return hal_flash_sector(HAL_FLASH_RECORDS, (size_t)sector).size / RECORD_BYTES;
}

static bool all_are(const uint8_t *raw, uint8_t value) {
    for (size_t i = 0; i < RECORD_BYTES; i++)
        if (raw[i] != value)
            return false;
    return true;
}

static bool parse(const uint8_t *raw, struct record *record) {
    if (raw[0] == 0 || get_le32(raw + CRC_AT) != crc32(raw, CRC_AT))
        return false;
    record->type = raw[0];
    record->key = raw[1];
    memcpy(record->payload, raw + 4, RECORD_PAYLOAD);
    return true;
}

static void encode(const struct record *record, uint8_t raw[RECORD_BYTES]) {
    memset(raw, 0, RECORD_BYTES);
    raw[0] = record->type;
    raw[1] = record->key;
    memcpy(raw + 4, record->payload, RECORD_PAYLOAD);
    put_le32(raw + CRC_AT, crc32(raw, CRC_AT));
}

bool record_read(uint32_t at, struct record *record) {
    uint8_t raw[RECORD_BYTES];
    return hal_flash_read(at, raw, sizeof raw) == WM_OK && parse(raw, record);
}

bool record_is_blank(uint32_t at) {
    uint8_t raw[RECORD_BYTES];
    return hal_flash_read(at, raw, sizeof raw) == WM_OK && all_are(raw, 0xFF);
}

/* Cleared, a slot is no record for ever, whatever an operation that was cut left in it. */
static wm_status clear_slot(int sector, uint32_t slot) {
    static const uint8_t zeros[RECORD_BYTES];
    erase_wait();
    return hal_flash_program(slot_at(sector, slot), zeros, sizeof zeros);
}

static wm_status write_slot(int sector, uint32_t slot, const struct record *record) {
    uint8_t raw[RECORD_BYTES], back[RECORD_BYTES];
    uint32_t at = slot_at(sector, slot);
    encode(record, raw);
    erase_wait();
    if (hal_flash_program(at, raw, sizeof raw) || hal_flash_read(at, back, sizeof back) ||
        memcmp(raw, back, sizeof raw) != 0)
        return WM_EIO;
    return WM_OK;
}

/* Writes to the first slot from *slot on that takes it; the others are cleared. */
static wm_status write_next(int sector, uint32_t *slot, uint32_t end, const struct record *record) {
    while (*slot < end) {
        wm_status status = write_slot(sector, *slot, record);
        if (status)
            clear_slot(sector, *slot);
        ++*slot;
        if (status == WM_OK)
            return WM_OK;
    }
    return WM_ENOMEM;
}

/* ---- headers ---------------------------------------------------------------------------- */

static struct header read_header(int sector) {
    struct header header = {0};
    struct record record;
    for (uint32_t copy = 0; copy < HEADERS && !header.valid; copy++) {
        header.valid = record_read(slot_at(sector, copy), &record) && record.type == HEADER_TYPE &&
                       record.key == HEADER_FORMAT;
        header.generation = get_le32(record.payload);
        header.first = get_le32(record.payload + 4);
    }
    return header;
}

/* To the first of the header slots that takes it. */
static wm_status write_header(int sector, uint32_t generation, uint32_t first) {
    struct record record = {.type = HEADER_TYPE, .key = HEADER_FORMAT};
    put_le32(record.payload, generation);
    put_le32(record.payload + 4, first);
    for (uint32_t copy = 0; copy < HEADERS; copy++) {
        if (record_is_blank(slot_at(sector, copy)) && write_slot(sector, copy, &record) == WM_OK)
            return WM_OK;
    }
    return WM_EIO;
}

static void clear_headers(int sector) {
    for (uint32_t copy = 0; copy < HEADERS; copy++)
        clear_slot(sector, copy);
}

/* ---- copying what counts ---------------------------------------------------------------- */

/* Makes `sector` the active one, with what the owner says counts. Until its header is written the other
 * one stays what it was. */
static wm_status copy_to(int sector, uint32_t generation) {
    struct record record;
    uint32_t slot = HEADERS;
    wm_status status = erase_sector(hal_flash_sector(HAL_FLASH_RECORDS, (size_t)sector).at);
    for (size_t i = 0; status == WM_OK && record_log.owner->live(i, &record); i++)
        status = write_next(sector, &slot, slot_count(sector), &record);
    if (status == WM_OK)
        status = write_header(sector, generation, slot);
    if (status)
        return WM_EIO;
    record_log.active = sector;
    record_log.generation = generation;
    record_log.next = slot;
    return WM_OK;
}

static wm_status compact(void) {
    return copy_to(1 - record_log.active, record_log.generation + 1);
}

static wm_status make_empty(void) {
    for (int sector = 0; sector < 2; sector++) {
        clear_headers(1 - sector);
        if (copy_to(sector, 1) == WM_OK)
            return WM_OK;
    }
    return WM_EIO;
}

/* ---- mount ------------------------------------------------------------------------------ */

struct scan {
    struct record last;
    bool some;  /* `last` is one */
    bool doubt; /* something was cut */
};

/* Applies what is there, reading every slot once: what it read is what counts, and what is not certain
 * to read so again is written anew by the caller. */
static struct scan scan_active(void) {
    struct scan scan = {.some = false};
    bool cleared_last = false;
    uint8_t raw[RECORD_BYTES];
    for (record_log.next = HEADERS; record_log.next < slot_count(record_log.active); record_log.next++) {
        struct record record;
        if (hal_flash_read(slot_at(record_log.active, record_log.next), raw, sizeof raw) != WM_OK)
            memset(raw, 1, sizeof raw);
        if (all_are(raw, 0xFF))
            break;
        cleared_last = all_are(raw, 0);
        if (!parse(raw, &record)) {
            scan.doubt = scan.doubt || !cleared_last;
            continue;
        }
        record_log.owner->apply(&record);
        scan.last = record;
        scan.some = true;
    }
    scan.doubt = scan.doubt || cleared_last;
    return scan;
}

/* The last record may read differently next time. So may its copy, if what it is written over was begun
 * and reads as free; but then the record itself was not the last thing to be written. */
static wm_status settle(const struct scan *scan) {
    uint32_t end = slot_count(record_log.active);
    bool full = record_log.next == end;
    if (scan->doubt || full) {
        wm_status status = compact();
        if (status == WM_OK || full)
            return status;
    }
    if (scan->some && write_next(record_log.active, &record_log.next, end, &scan->last))
        return compact();
    return WM_OK;
}

wm_status record_log_mount(const struct record_owner *owner) {
    struct header header[2] = {read_header(0), read_header(1)};
    record_log.owner = owner;
    if (!header[0].valid && !header[1].valid)
        return make_empty();
    int active = header[1].valid && (!header[0].valid || header[1].generation > header[0].generation);
    record_log.active = active;
    record_log.generation = header[active].generation;
    struct scan scan = scan_active();
    if (record_log.next <= header[active].first &&
        write_header(active, header[active].generation, header[active].first))
        scan.doubt = true; /* no room for another header */
    if (!header[1 - active].valid)
        clear_headers(1 - active);
    return settle(&scan);
}

wm_status record_log_append(const struct record *record) {
    wm_status status =
        write_next(record_log.active, &record_log.next, slot_count(record_log.active), record);
    if (status == WM_OK)
        return WM_OK;
    if (compact())
        return WM_EIO;
    return write_next(record_log.active, &record_log.next, slot_count(record_log.active), record)
               ? WM_EIO
               : WM_OK;
}

wm_status record_log_make_room(uint32_t count) {
    return record_log_room() < count ? compact() : WM_OK;
}

uint32_t record_log_erases(void) {
    return record_log.generation;
}

uint32_t record_log_room(void) {
    return slot_count(record_log.active) - record_log.next;
}
