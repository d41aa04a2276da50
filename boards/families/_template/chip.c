/* What common/bare asks of the chip, and nothing else. An emulator usually lacks just this: then its
 * file in boards/emulators/ takes the place of this one. */
#include "common/bare/chip.h"
#include "common/bare/escape.h"
#include "common/cortex_m/start.h"

#include <string.h>

#include "registers.h"

/* Whatever tells two chips apart and stays. The gateway knows boards by it. */
size_t chip_unique_id(uint8_t *out, size_t cap) {
    uint32_t words[2] = {SYS->UNIQUE_ID[0], SYS->UNIQUE_ID[1]};
    size_t len = sizeof words < cap ? sizeof words : cap;
    memcpy(out, words, len);
    return len;
}

/* Chips set several flags for one reset: the most telling one wins. The flags must be cleared, or the
 * next reset shows this one's too. */
hal_reset_cause chip_reset_cause(void) {
    uint32_t flags = SYS->RESETS;
    SYS->RESETS = 0;
    if (flags & SYS_RESETS_POWER)
        return HAL_RESET_POWER;
    if (flags & SYS_RESETS_WATCHDOG)
        return HAL_RESET_WATCHDOG;
    return flags & SYS_RESETS_SOFTWARE ? HAL_RESET_SOFTWARE : HAL_RESET_UNKNOWN;
}

/* Two boots, and two boards that start together, must differ: boot ids are made of this. Where a chip
 * has no generator, or it does not answer in time, hal_random() makes do with unique id and time. */
bool chip_entropy(uint32_t *word, uint32_t max_us) {
    uint64_t deadline = hal_now_us() + max_us;
    while (!RNG->READY)
        if (hal_now_us() >= deadline)
            return false;
    *word = RNG->WORD;
    return true;
}

/* A button, or a break on the link's receive line: common/bare/escape.h says what counts. */
static bool is_held(void) {
    return SYS->STATUS & SYS_STATUS_BUTTON;
}

bool chip_escape(void) {
    return escape_button(is_held);
}

/* A chip whose ROM can be sent for by software says BOARD_LOADER_HEARS_LINK here, and is told how below,
 * or at its start: boards/families/stm32f4/chip.c. */
bool chip_has_loader(void) {
    return false;
}

void chip_choose_loader(void) {
}

void before_start(void) {
}

/* One that runs from a clock of its own, so that it bites when ours has stopped too. */
void chip_watchdog_start(uint32_t timeout_ms) {
    WATCHDOG->TIMEOUT_MS = timeout_ms;
}

void chip_watchdog_feed(void) {
    WATCHDOG->FEED = 1;
}
