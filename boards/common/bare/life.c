#include "life.h"

#include <string.h>

#include "chip.h"
#include "fault_record.h"
#include "next_start.h"

static hal_reset_cause reset_cause;
static const char *last_fault;
static uint64_t random_state;
static bool without_modules;

/* splitmix64: spreads whatever entropy there is over 64 bits. */
static uint64_t stir(uint64_t input) {
    random_state += input + 0x9E3779B97F4A7C15u;
    uint64_t z = random_state;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static void seed_random(void) {
    uint8_t id[12];
    size_t len = chip_unique_id(id, sizeof id);
    for (size_t i = 0; i < len; i++)
        stir(id[i]);
}

/* A CPU fault ends in a software reset; what it left behind tells the two apart. After a power cut there
 * is no text, whatever the RAM looks like. */
static void find_reset_cause(void) {
    reset_cause = chip_reset_cause();
    last_fault = fault_take();
    if (reset_cause == HAL_RESET_POWER)
        last_fault = NULL;
    else if (last_fault)
        reset_cause = HAL_RESET_FAULT;
}

void life_start(void) {
    find_reset_cause();
    seed_random();
    bool is_told = next_start() == HAL_START_WITHOUT_MODULES && reset_cause == HAL_RESET_SOFTWARE;
    next_start_forget();
    without_modules = chip_escape() || is_told;
}

bool hal_can_restart(enum hal_start how) {
    return how != HAL_START_LOADER || chip_has_loader();
}

void hal_restart(enum hal_start how) {
    next_start_note(how);
    if (how == HAL_START_LOADER)
        chip_choose_loader();
    hal_reset();
}

bool hal_starts_without_modules(void) {
    return without_modules;
}

hal_reset_cause hal_get_reset_cause(void) {
    return reset_cause;
}

const char *hal_last_fault(void) {
    return last_fault;
}

size_t hal_unique_id(uint8_t *out, size_t cap) {
    return chip_unique_id(out, cap);
}

#define ENTROPY_WAIT_US 1000u

void hal_random(uint8_t *out, size_t len) {
    uint64_t deadline = hal_now_us() + ENTROPY_WAIT_US;
    while (len > 0) {
        uint32_t word = 0;
        uint64_t now = hal_now_us();
        if (now < deadline && !chip_entropy(&word, (uint32_t)(deadline - now)))
            deadline = now; /* it does not work: not asked again in this call */
        uint64_t bits = stir(word ^ now << 32);
        size_t take = len < sizeof bits ? len : sizeof bits;
        memcpy(out, &bits, take);
        out += take;
        len -= take;
    }
}

static bool watchdog_runs;

void hal_watchdog_start(uint32_t timeout_ms) {
    watchdog_runs = true;
    chip_watchdog_start(timeout_ms);
}

/* The loop calls this every turn, also before the watchdog was started. */
void hal_watchdog_feed(void) {
    if (watchdog_runs)
        chip_watchdog_feed();
}
