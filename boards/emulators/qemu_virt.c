/* What common/bare asks of a chip, on QEMU's RISC-V machine `virt`, which is none:
 *
 *   unique id      from the command line (semihosting): id=HEX
 *   reset cause    noted in RAM that a warm reset keeps
 *   boot escape    from the command line: without-modules=1
 *   loader         there is no ROM
 *   watchdog       the timer's interrupt resets (qemu_watchdog.h): it counts time that the board lives
 *                  through, not the machine's; unlike a real one it cannot while interrupts are locked
 *   clock          clock=US on the command line starts it there, after each reset
 *   entropy        seed=HEX from the command line, and a count of resets
 *   flash          a file (qemu_flash.h), with the times of a serial flash beside an ESP32-C3 */
#include "common/bare/chip.h"
#include "parts.h"
#include "qemu.h"
#include "qemu_watchdog.h"
#include "virt.h"

#define FLASH_WORD_US 11u /* 0.7 ms for 256 bytes (W25Q32JV, section 9.6) */
#include "qemu_flash.h"

size_t chip_unique_id(uint8_t *out, size_t cap) {
    return qemu_unique_id(out, cap);
}

hal_reset_cause chip_reset_cause(void) {
    return qemu_reset_cause();
}

bool chip_entropy(uint32_t *word, uint32_t max_us) {
    (void)max_us;
    *word = qemu_entropy();
    return true;
}

bool chip_escape(void) {
    return qemu_escape();
}

bool chip_has_loader(void) {
    return false;
}

void chip_choose_loader(void) {
}

/* ---- watchdog --------------------------------------------------------------------------------- */

uint64_t timer_first_us(void) {
    return qemu_clock_us();
}

void timer_tick(void) {
    watchdog_look();
}

/* ---- flash ------------------------------------------------------------------------------------ */

/* Its registers tell when it is done: the core goes on. */
static void flash_erasing(void) {
}

/* W25Q32JV, section 9.6: 4 KiB take 45 ms, at most 400; 32 KiB 120, at most 1600. */
static uint32_t flash_erase_typical_ms(uint32_t sector_bytes) {
    return sector_bytes < 0x8000 ? sector_bytes / 0x1000 * 45 : sector_bytes / 0x8000 * 120;
}

static uint32_t flash_erase_max_ms(uint32_t sector_bytes) {
    return sector_bytes < 0x8000 ? sector_bytes / 0x1000 * 400 : sector_bytes / 0x8000 * 1600;
}
