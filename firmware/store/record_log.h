/* A log of small records in two flash sectors that a cut of power cannot spoil: after the next mount
 * each record is there or not, the same at every later mount, and none that was acknowledged is missing.
 *
 *     sector   | header x4 | live records | appended one by one ... | erased |
 *
 * One sector is active. When it is full the live records are copied to the other one, whose header is
 * written last. What flash does when power fails decides the rest:
 *
 *  - A word that was being programmed may read differently each time. So a mount never relies on the
 *    newest thing it finds: it writes a copy of the last record, and a second header where the first may
 * be the newest thing.
 *  - A header that read as invalid may be valid next time: the sector that is not active and not older
 *    gets its headers cleared before anything else is written.
 *  - Whatever else is not as it should be is left behind: the live records are copied. */
#ifndef WASMOTE_RECORD_LOG_H
#define WASMOTE_RECORD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

#define RECORD_BYTES 64
#define RECORD_PAYLOAD 56

/* The newest record of a type and key counts. Types are 1..127, the rest are the log's. */
struct record {
    uint8_t type;
    uint8_t key;
    uint8_t payload[RECORD_PAYLOAD];
};

/* Whose log it is. */
struct record_owner {
    void (*apply)(const struct record *record);        /* at a mount, each valid record, oldest first */
    bool (*live)(size_t index, struct record *record); /* those that count; false behind the last */
};

/* Finds the log or makes an empty one. WM_EIO when neither sector can be written any more. */
wm_status record_log_mount(const struct record_owner *owner);

/* WM_OK: it is there from now on. WM_EIO: it is not, and maybe neither is room for another. Blocks for
 * the erase of a sector when the active one is full. */
wm_status record_log_append(const struct record *record);

/* Sees to it that so many appends need no erase, as far as a sector has room: by erasing now. Blocks as
 * an append does. WM_EIO: it could not, and what is there stays. */
wm_status record_log_make_room(uint32_t count);

/* One record of another area, which somebody else wrote in the same form (README.md). False: it is
 * not valid. */
bool record_read(uint32_t at, struct record *record);
/* Nothing was written there. */
bool record_is_blank(uint32_t at);

/* How often a sector was erased since the log was made; records that fit before the next erase. */
uint32_t record_log_erases(void);
uint32_t record_log_room(void);

#endif
