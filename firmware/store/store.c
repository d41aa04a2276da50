#include "store/store.h"

#include <string.h>

#include "core/bytes.h"
#include "hal.h"
#include "store/record_log.h"

/* README.md says what is in them. */
enum { TYPE_SLOT = 1, TYPE_BANK, TYPE_COUNTER, TYPE_KEY, TYPE_BOOT };
enum { FIXED = MODULE_SLOTS + STORE_BANKS_MAX, COUNTERS = FIXED, KEYS = COUNTERS + STORE_COUNTERS_MAX };
enum { BOOT = KEYS + STORE_KEYS_MAX, RECORDS };

struct counter {
    uint8_t id[STORE_COUNTER_ID_BYTES];
    uint32_t value; /* 0: the entry is free */
};

struct key {
    bool known; /* a record says what is here, and not the area of keys */
    bool there;
    uint8_t bytes[STORE_KEY_BYTES];
};

static struct {
    bool usable;
    bool keys_are_damaged;
    uint32_t boots;
    struct store_slot slot[MODULE_SLOTS];
    struct store_bank bank[STORE_BANKS_MAX];
    struct counter counter[STORE_COUNTERS_MAX];
    struct key key[STORE_KEYS_MAX];
} store;

/* ---- records ---------------------------------------------------------------------------- */

static const struct store_slot empty_slot = {
    .active = STORE_NO_BANK, .candidate = STORE_NO_BANK, .fallback = STORE_NO_BANK};

static void read_slot(struct store_slot *slot, const uint8_t *from) {
    *slot = (struct store_slot){.state = from[0],
                                .active = from[1],
                                .candidate = from[2],
                                .fallback = from[3],
                                .attempts = from[4],
                                .cause = from[5],
                                .stopped = from[6 + STORE_NAME_BYTES]};
    memcpy(slot->failed, from + 6, STORE_NAME_BYTES);
}

static void read_key(struct key *key, const uint8_t *from) {
    key->there = from[0] != 0;
    memcpy(key->bytes, from + 1, STORE_KEY_BYTES);
}

static void apply(const struct record *record) {
    const uint8_t *from = record->payload;
    if (record->type == TYPE_SLOT && record->key < MODULE_SLOTS) {
        read_slot(&store.slot[record->key], from);
    } else if (record->type == TYPE_BANK && record->key < STORE_BANKS_MAX) {
        store.bank[record->key].length = get_le32(from);
        memcpy(store.bank[record->key].digest, from + 4, SHA256_BYTES);
        memcpy(store.bank[record->key].name, from + 4 + SHA256_BYTES, STORE_NAME_BYTES);
    } else if (record->type == TYPE_COUNTER && record->key < STORE_COUNTERS_MAX) {
        store.counter[record->key].value = get_le32(from);
        memcpy(store.counter[record->key].id, from + 4, STORE_COUNTER_ID_BYTES);
    } else if (record->type == TYPE_KEY && record->key < STORE_KEYS_MAX) {
        store.key[record->key].known = true;
        read_key(&store.key[record->key], from);
    } else if (record->type == TYPE_BOOT) {
        store.boots = get_le32(from);
    }
}

static struct record slot_record(int index, const struct store_slot *slot) {
    struct record record = {.type = TYPE_SLOT, .key = (uint8_t)index};
    const uint8_t values[] = {slot->state,    slot->active,   slot->candidate,
                              slot->fallback, slot->attempts, slot->cause};
    memcpy(record.payload, values, sizeof values);
    memcpy(record.payload + sizeof values, slot->failed, STORE_NAME_BYTES);
    record.payload[sizeof values + STORE_NAME_BYTES] = slot->stopped;
    return record;
}

static struct record bank_record(int index, const struct store_bank *bank) {
    struct record record = {.type = TYPE_BANK, .key = (uint8_t)index};
    put_le32(record.payload, bank->length);
    memcpy(record.payload + 4, bank->digest, SHA256_BYTES);
    memcpy(record.payload + 4 + SHA256_BYTES, bank->name, STORE_NAME_BYTES);
    return record;
}

static struct record counter_record(int index, const uint8_t *id, uint32_t value) {
    struct record record = {.type = TYPE_COUNTER, .key = (uint8_t)index};
    put_le32(record.payload, value);
    memcpy(record.payload + 4, id, STORE_COUNTER_ID_BYTES);
    return record;
}

static struct record key_record(int index, bool there, const uint8_t *bytes) {
    struct record record = {.type = TYPE_KEY, .key = (uint8_t)index};
    record.payload[0] = there;
    memcpy(record.payload + 1, bytes, STORE_KEY_BYTES);
    return record;
}

static struct record boot_record(uint32_t boots) {
    struct record record = {.type = TYPE_BOOT};
    put_le32(record.payload, boots);
    return record;
}

/* The record of the n-th of all things, or one of type 0 when there is nothing to say of it. */
static struct record record_of(int n) {
    const struct record nothing = {0};
    if (n < MODULE_SLOTS)
        return slot_record(n, &store.slot[n]);
    if (n < FIXED) {
        const struct store_bank *bank = &store.bank[n - MODULE_SLOTS];
        return bank->length ? bank_record(n - MODULE_SLOTS, bank) : nothing;
    }
    if (n < KEYS) {
        const struct counter *counter = &store.counter[n - COUNTERS];
        return counter->value ? counter_record(n - COUNTERS, counter->id, counter->value) : nothing;
    }
    if (n < BOOT) {
        const struct key *key = &store.key[n - KEYS];
        return key->known ? key_record(n - KEYS, key->there, key->bytes) : nothing;
    }
    return boot_record(store.boots);
}

static bool live(size_t index, struct record *record) {
    for (int n = 0; n < RECORDS; n++) {
        *record = record_of(n);
        if (record->type && index-- == 0)
            return true;
    }
    return false;
}

static wm_status put(const struct record *record) {
    wm_status status = store.usable ? record_log_append(record) : WM_EIO;
    if (status == WM_OK)
        apply(record);
    return status;
}

/* ---- start ------------------------------------------------------------------------------ */

/* The area of keys is written when the board is flashed, in records of the same form. */
static void read_first_keys(void) {
    struct hal_flash_sector area = hal_flash_sector(HAL_FLASH_KEYS, 0);
    struct record record;
    for (uint32_t i = 0; i < STORE_KEYS_MAX; i++) {
        uint32_t at = area.at + i * RECORD_BYTES;
        if (record_read(at, &record) && record.type == TYPE_KEY && record.key < STORE_KEYS_MAX)
            read_key(&store.key[record.key], record.payload);
        else if (!record_is_blank(at))
            store.keys_are_damaged = true;
    }
}

wm_status store_start(void) {
    static const struct record_owner owner = {.apply = apply, .live = live};
    memset(&store, 0, sizeof store);
    for (int index = 0; index < MODULE_SLOTS; index++)
        store.slot[index] = empty_slot;
    if (hal_flash_count(HAL_FLASH_KEYS) > 0)
        read_first_keys();
    store.usable = hal_flash_count(HAL_FLASH_RECORDS) == 2 && record_log_mount(&owner) == WM_OK;
    struct record record = boot_record(store.boots + 1);
    return put(&record);
}

uint32_t store_boots(void) {
    return store.boots;
}

wm_status store_make_room(uint32_t records) {
    return store.usable ? record_log_make_room(records) : WM_EIO;
}

uint32_t store_room(void) {
    return store.usable ? record_log_room() : 0;
}

uint32_t store_erases(void) {
    return store.usable ? record_log_erases() : 0;
}

/* ---- slots and banks -------------------------------------------------------------------- */

const struct store_slot *store_slot(int slot) {
    return &store.slot[slot];
}

wm_status store_put_slot(int slot, const struct store_slot *value) {
    struct record record = slot_record(slot, value);
    return put(&record);
}

const struct store_bank *store_bank(int bank) {
    return &store.bank[bank];
}

wm_status store_put_bank(int bank, const struct store_bank *value) {
    struct record record = bank_record(bank, value);
    return put(&record);
}

/* ---- counters --------------------------------------------------------------------------- */

static int find_counter(const uint8_t *id) {
    int index = 0;
    while (index < STORE_COUNTERS_MAX && store.counter[index].value &&
           memcmp(store.counter[index].id, id, STORE_COUNTER_ID_BYTES) != 0)
        index++;
    return index;
}

uint32_t store_counter(const uint8_t id[STORE_COUNTER_ID_BYTES]) {
    int index = find_counter(id);
    return index < STORE_COUNTERS_MAX ? store.counter[index].value : 0;
}

int store_counters_free(void) {
    int free = 0;
    for (int index = 0; index < STORE_COUNTERS_MAX; index++)
        free += store.counter[index].value == 0;
    return free;
}

wm_status store_raise_counter(const uint8_t id[STORE_COUNTER_ID_BYTES], uint32_t value) {
    int index = find_counter(id);
    if (index == STORE_COUNTERS_MAX)
        return WM_ENOMEM;
    if (value <= store.counter[index].value)
        return value == store.counter[index].value ? WM_OK : WM_EINVAL;
    struct record record = counter_record(index, id, value);
    return put(&record);
}

/* ---- keys ------------------------------------------------------------------------------- */

const uint8_t *store_key(int index) {
    return index >= 0 && index < STORE_KEYS_MAX && store.key[index].there ? store.key[index].bytes
                                                                          : NULL;
}

bool store_keys_are_damaged(void) {
    return store.keys_are_damaged;
}

wm_status store_put_key(int index, const uint8_t key[STORE_KEY_BYTES]) {
    static const uint8_t nothing[STORE_KEY_BYTES];
    if (index < 0 || index >= STORE_KEYS_MAX)
        return WM_EINVAL;
    struct record record = key_record(index, key != NULL, key ? key : nothing);
    return put(&record);
}
