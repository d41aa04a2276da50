#include "scenario.h"

#include <string.h>

#include "hal.h"
#include "store/commit.h"
#include "store/record_log.h"

#define COUNTER_STEP 3

struct expectation expected;
static const uint8_t counter_id[2][STORE_COUNTER_ID_BYTES] = {"flood", "temp"};
static const char *failure;

uint64_t hal_now_us(void) {
    return 0;
}

void hal_watchdog_feed(void) {
}

static void fail(const char *what) {
    if (!failure)
        failure = what;
}

static void check(bool condition, const char *what) {
    if (!condition)
        fail(what);
}

/* ---- modules, each of its own length and bytes ------------------------------------------ */

static uint32_t module_bytes(int module, uint8_t out[256]) {
    uint32_t length = 90 + (uint32_t)module * 37 % 160;
    uint32_t state = 2654435761u * (uint32_t)(module + 1);
    for (uint32_t i = 0; i < length; i++) {
        state = state * 1664525u + 1013904223u;
        out[i] = (uint8_t)(state >> 24);
    }
    return length;
}

/* Which of the two the bank holds, from the first byte to the last; NO_MODULE for anything else. */
static int module_in(uint8_t bank, const int any[2]) {
    uint8_t want[256], got[256];
    if (bank == STORE_NO_BANK)
        return NO_MODULE;
    for (int i = 0; i < 2; i++) {
        uint32_t length = any[i] == NO_MODULE ? 0 : module_bytes(any[i], want);
        if (length && store_bank(bank)->length == length && store_bank(bank)->name[0] == any[i] &&
            hal_flash_read(hal_flash_sector(HAL_FLASH_BANKS, bank).at, got, length) == WM_OK &&
            memcmp(want, got, length) == 0)
            return any[i];
    }
    return NO_MODULE - 1;
}

/* ---- steps: what may be there while one goes on, and then what is ----------------------- */

static void becomes(int pair[2]) {
    pair[0] = pair[1];
}

static void drop_candidate(int slot) {
    int *candidate = expected.slot[slot].candidate;
    candidate[1] = NO_MODULE;
    check(commit_drop_candidate(slot) == WM_OK, "a candidate cannot be dropped");
    becomes(candidate);
}

/* An upload begins by giving up the candidate that was there. */
static void install(int slot, int module) {
    struct bank_writer writer;
    uint8_t bytes[256];
    const uint8_t name[STORE_NAME_BYTES] = {(uint8_t)module};
    uint32_t length = module_bytes(module, bytes), part = 64;
    drop_candidate(slot);
    check(commit_make_room() == WM_OK, "no room can be made for records");
    expected.slot[slot].candidate[1] = module;
    wm_status status = pool_take(&writer);
    if (status == WM_OK)
        status = pool_erased(&writer);
    for (uint32_t at = 0; status == WM_OK && at < length; at += part)
        status = pool_append(&writer, bytes + at, length - at < part ? length - at : part);
    if (status == WM_OK)
        status = commit_install(slot, &writer, name);
    check(status == WM_OK, "a module cannot be installed");
    becomes(expected.slot[slot].candidate);
}

/* Power that fails during probation brings the old one back; where there is none, the new one stays. */
static void activate(int slot) {
    int *active = expected.slot[slot].active, *candidate = expected.slot[slot].candidate;
    bool first = active[0] == NO_MODULE;
    int next = candidate[0];
    candidate[1] = NO_MODULE;
    expected.slot[slot].tried |= 1u << next;
    expected.slot[slot].stopped[1] = 0;
    if (first)
        active[1] = next;
    check(commit_activate(slot) == WM_OK, "a candidate cannot be activated");
    becomes(candidate);
    becomes(active);
    becomes(expected.slot[slot].stopped);
    expected.slot[slot].on_probation = next;
}

static void confirm(int slot) {
    expected.slot[slot].active[1] = expected.slot[slot].on_probation;
    check(commit_confirm(slot) == WM_OK, "a module cannot be confirmed");
    becomes(expected.slot[slot].active);
}

static void roll_back(int slot) {
    check(commit_roll_back(slot, STORE_TRAP) == WM_OK, "a module cannot be rolled back");
}

static void remove_module(int slot) {
    expected.slot[slot].active[1] = expected.slot[slot].candidate[1] = NO_MODULE;
    expected.slot[slot].stopped[1] = 0;
    check(commit_remove(slot) == WM_OK, "a module cannot be removed");
    becomes(expected.slot[slot].active);
    becomes(expected.slot[slot].candidate);
    becomes(expected.slot[slot].stopped);
}

static void stop(int slot) {
    expected.slot[slot].stopped[1] = 1;
    check(commit_stop(slot) == WM_OK, "a module cannot be stopped");
    becomes(expected.slot[slot].stopped);
}

static void start(int slot) {
    expected.slot[slot].stopped[1] = 0;
    check(commit_start(slot) == WM_OK, "a module cannot be started again");
    becomes(expected.slot[slot].stopped);
}

static void count(int which) {
    uint32_t *counter = expected.counter[which];
    counter[1] = counter[0] + COUNTER_STEP;
    check(store_raise_counter(counter_id[which], counter[1]) == WM_OK, "a counter cannot be raised");
    check(store_raise_counter(counter_id[which], counter[1] - 1) == WM_EINVAL, "a counter went back");
    counter[0] = counter[1];
}

static void put_key(int key) {
    uint8_t bytes[STORE_KEY_BYTES];
    memset(bytes, key, sizeof bytes);
    expected.key[1] = key;
    check(store_put_key(0, bytes) == WM_OK, "a key cannot be written");
    becomes(expected.key);
}

/* ---- scenarios -------------------------------------------------------------------------- */

static void replace(int slot, int module) {
    install(slot, module);
    activate(slot);
    count(slot);
    confirm(slot);
}

void scenario_swap(void) {
    replace(0, 2);
    count(0);
}

void scenario_life(void) {
    scenario_swap();
    replace(1, 3);
    install(0, 4);
    activate(0);
    for (int module = 9; module < 12; module++)
        install(0, module); /* the bank of the fallback is not free */
    roll_back(0);
    put_key(2);
    stop(0);
    stop(1);
    start(1);
    install(1, 5);
    install(1, 6); /* in place of the candidate before */
    activate(1);
    confirm(1);
    for (int i = 0; i < 12; i++)
        count(i % 2);
    remove_module(1);
    replace(1, 7);
}

/* ---- boot, and what is found then ------------------------------------------------------- */

static void boot(void) {
    check(store_start() == WM_OK, "the store does not start");
    check(store_boots() > expected.boots, "the count of boots went back");
    expected.boots = store_boots();
    pool_start();
    for (int slot = 0; slot < MODULE_SLOTS; slot++)
        check(commit_boot(slot, true) == WM_OK, "a slot does not come back");
}

static bool either(int found, const int pair[2]) {
    return found == pair[0] || found == pair[1];
}

/* What was found is from now on the only thing to find. */
static void settle(int pair[2], int found, const char *otherwise) {
    check(either(found, pair), otherwise);
    pair[0] = pair[1] = found;
}

static void look_at_failed(int slot, const struct store_slot *found) {
    check(expected.slot[slot].tried & 1u << found->failed[0],
          "it says that a module failed which was never tried");
    check(found->active == STORE_NO_BANK || store_bank(found->active)->name[0] != found->failed[0],
          "it says that the module failed which it went back to");
}

static void look_at_slot(int slot) {
    const struct store_slot *found = store_slot(slot);
    int *active = expected.slot[slot].active, *candidate = expected.slot[slot].candidate;
    settle(active, module_in(found->active, active), "neither the old module nor the new one");
    settle(candidate, module_in(found->candidate, candidate),
           "neither the old candidate nor the new one");
    check((active[0] == NO_MODULE) == (found->state == STORE_EMPTY),
          "the state is not that of the bank");
    settle(expected.slot[slot].stopped, found->stopped, "what was stopped is to run, or the other way");
    if (found->cause != STORE_NO_CAUSE)
        look_at_failed(slot, found);
    check(found->state != STORE_QUARANTINED, "a good module is in quarantine");
}

static void look_at_counter(int which) {
    uint32_t value = store_counter(counter_id[which]), *counter = expected.counter[which];
    check(value == counter[0] || value == counter[1], "a counter went back, or is one nobody set");
    counter[0] = counter[1] = value;
}

static void look(void) {
    const uint8_t *key = store_key(0);
    for (int i = 0; i < 2; i++) {
        look_at_slot(i);
        look_at_counter(i);
    }
    settle(expected.key, key ? key[0] : 0, "neither the old key nor the new one");
}

static const char *verdict(void) {
    const char *what = failure;
    failure = NULL;
    return what;
}

const char *scenario_recover(void) {
    failure = NULL;
    for (int round = 0; round < 2; round++) {
        boot();
        look();
        for (int slot = 0; slot < MODULE_SLOTS; slot++)
            check(commit_started(slot) == WM_OK, "a start cannot be noted");
    }
    return verdict();
}

const char *scenario_go_on(void) {
    for (int slot = 0; slot < MODULE_SLOTS; slot++)
        drop_candidate(slot);
    replace(0, 8);
    boot();
    look();
    check(expected.slot[0].active[0] == 8, "the newest module is not there");
    return verdict();
}

/* ---- a flash with a history ------------------------------------------------------------- */

void scenario_prepare(uint32_t room) {
    const int nothing[2] = {NO_MODULE, NO_MODULE};
    memset(&expected, 0, sizeof expected);
    for (int slot = 0; slot < MODULE_SLOTS; slot++) {
        memcpy(expected.slot[slot].active, nothing, sizeof nothing);
        memcpy(expected.slot[slot].candidate, nothing, sizeof nothing);
    }
    boot();
    replace(0, 1);
    put_key(1);
    while (record_log_room() > room)
        count(0);
}
