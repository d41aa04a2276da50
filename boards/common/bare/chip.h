/* What common/bare asks of a chip: each function is a few register accesses. They are also what
 * emulators lack most often, and stand in a file of their own so that an emulated image may replace just
 * that. */
#ifndef WASMOTE_BARE_CHIP_H
#define WASMOTE_BARE_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal.h"

/* Whatever tells two chips apart and stays: a factory number, a MAC address. Returns how many bytes were
 * copied (<= cap). */
size_t chip_unique_id(uint8_t *out, size_t cap);

/* Why the chip was reset; clears the flags, so it is called once. A CPU fault shows as SOFTWARE. */
hal_reset_cause chip_reset_cause(void);

/* One word from the random number generator; false when none came within max_us. */
bool chip_entropy(uint32_t *word, uint32_t max_us);

/* True: the modules are not to be started (escape.h). Once, when time runs and the UART does not yet. */
bool chip_escape(void);

/* Whether software can send the chip to the loader in its ROM, and that listens on the link's pins
 * (BOARD_LOADER_HEARS_LINK). */
bool chip_has_loader(void);

/* The reset that follows is to start the loader. Where the chip has no way to be told, its start-up
 * looks at what next_start.h has noted. */
void chip_choose_loader(void);

void chip_watchdog_start(uint32_t timeout_ms);
void chip_watchdog_feed(void); /* only after the start */

#endif
