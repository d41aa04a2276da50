/* The whole board boundary. A board family implements these functions once; nothing above
 * this line knows a chip, nothing below it knows CoAP or Wasm.
 *
 * Context: "thread" = called from the event loop only; "any" = also from an interrupt handler.
 * No function blocks unless it says so. */
#ifndef WASMOTE_HAL_H
#define WASMOTE_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* ---- life ------------------------------------------------------------------------------- */

/* Clocks, interrupts, UART, sensors. Thread; called once, before anything else here. Every wait
 * inside is bounded and falls back (HSE -> HSI), so it always returns. */
void hal_init(void);

/* Restarts the board at once. Any; does not return. */
_Noreturn void hal_reset(void);

enum hal_start {
    HAL_START_USUAL = 0,
    HAL_START_WITHOUT_MODULES, /* hal_starts_without_modules() is true then */
    HAL_START_LOADER           /* the loader in the chip's ROM in place of this program */
};

/* Whether this board restarts so. To the loader where software can send the chip there, and it listens
 * on the pins of the link (board.toml [[runner]]). Constant. Thread. */
bool hal_can_restart(enum hal_start how);

/* Restarts the board at once, this time so, as hal_can_restart() has allowed. The next start of this
 * program has HAL_RESET_SOFTWARE for its cause, unless it is told to start by a loader that resets the
 * chip otherwise. Thread; does not return. */
_Noreturn void hal_restart(enum hal_start how);

typedef enum {
    HAL_RESET_UNKNOWN = 0,
    HAL_RESET_POWER,    /* power-on or brown-out */
    HAL_RESET_PIN,      /* NRST */
    HAL_RESET_SOFTWARE, /* hal_reset() */
    HAL_RESET_WATCHDOG, /* hal_watchdog_start() ran out */
    HAL_RESET_FAULT     /* a CPU fault was reported, then the board reset itself */
} hal_reset_cause;

/* Why the board last started; constant after hal_init(). Thread. */
hal_reset_cause hal_get_reset_cause(void);

/* The text a fault handler left behind before the last reset ("HardFault pc=... lr=..."), or
 * NULL. Survives one warm reset. Thread. */
const char *hal_last_fault(void);

/* The boot escape: somebody held a button, or a break on the link, while the board started, and wants it
 * to start no module (boards/README.md); or hal_restart() was asked for that. Constant after hal_init().
 * Thread. */
bool hal_starts_without_modules(void);

/* Copies the chip's unique id. Returns its length (<= cap). Thread. */
size_t hal_unique_id(uint8_t *out, size_t cap);

/* Fills out with len random bytes fit for CoAP message ids, tokens and boot ids; not a key
 * generator. Thread; waits for the generator at most 1 ms, then falls back to stretching what
 * it has. */
void hal_random(uint8_t *out, size_t len);

/* The lowest address that the stack may reach; for the engine's check of its own recursion. Thread. */
const void *hal_stack_limit(void);

/* Bytes of stack that were never used since the start (guard pattern); 0 where a board does not
 * measure it. Thread. */
size_t hal_stack_unused(void);

/* ---- time and sleep --------------------------------------------------------------------- */

/* Microseconds since hal_init(): monotonic, never wraps in practice (64 bit). HAL_RAMCODE; any. */
uint64_t hal_now_us(void);

/* Sleeps until an interrupt is pending or hal_now_us() reaches until_us, whichever is first.
 * Thread; called with interrupts locked (hal_irq_lock), so that an event posted just before is
 * not slept through; returns with them still locked. May return early. */
void hal_idle(uint64_t until_us);

/* Disables interrupts; returns the state for hal_irq_unlock(). HAL_RAMCODE; any; nests. */
uint32_t hal_irq_lock(void);
void hal_irq_unlock(uint32_t state);

/* Starts the independent watchdog; from then on hal_watchdog_feed() must come at least every
 * timeout_ms. It cannot be stopped. Thread. */
void hal_watchdog_start(uint32_t timeout_ms);
void hal_watchdog_feed(void);

/* ---- the sampling alarm ----------------------------------------------------------------- */

/* For functions that an alarm calls. Where the core cannot fetch from flash while a sector is erased
 * (STM32F4; a chip that runs from a serial flash through a cache), the family's linker script puts
 * .ramcode into RAM, elsewhere beside the other code. Such a function calls only such functions, and
 * reads no constant that lies in flash: neither a table, nor a library's function (64-bit divisions,
 * shifts by a variable and floating point may be one). */
#define HAL_RAMCODE __attribute__((section(".ramcode")))

#define HAL_NEVER UINT64_MAX

/* Calls fire(), once, as soon as hal_now_us() has reached at_us: in the context of an interrupt, however
 * long the loop's turn takes, but never inside of this function, also when at_us has passed already.
 * There is one alarm: setting it again moves it, HAL_NEVER takes it away, and fire() may set it. It does
 * not nest. It waits while interrupts are locked - but not while hal_flash_erase_start() waits with them
 * locked: that wait calls it, on time, too. HAL_RAMCODE; any. */
void hal_alarm_at(uint64_t at_us, void (*fire)(void));

/* ---- bytes ------------------------------------------------------------------------------ */

/* The serial link: one UART or USB serial port, 8N1. The interrupt handler fills a ring of
 * HAL_UART_RX_BYTES and posts EVENT_UART. Both return how many bytes were moved: 0 = nothing
 * there / transmit ring full. Thread. */
size_t hal_uart_read(uint8_t *out, size_t cap);
size_t hal_uart_write(const uint8_t *bytes, size_t len);

/* Free space in the transmit ring. Thread. */
size_t hal_uart_write_space(void);

/* Whether all that was written has left: the ring, and the hardware behind it. Thread. */
bool hal_uart_is_idle(void);

/* Bytes that arrived while the receive ring was full, since hal_init(). Thread. */
uint32_t hal_uart_overruns(void);

/* Boards with an IP network (board.toml: net = true) also carry CoAP over UDP; others do not
 * link these. addr is opaque to the caller; HAL_ADDR_BYTES holds an IPv6 address, scope and port.
 * recv returns the datagram's length, 0 when none waits (an empty one is no message: skip it, or those
 * behind it wait), WM_EINVAL for one longer than cap (it is dropped). send returns WM_OK or WM_EIO; a
 * datagram may be lost either way. Thread. */
#define HAL_ADDR_BYTES 22
int hal_udp_recv(uint8_t addr[HAL_ADDR_BYTES], uint8_t *out, size_t cap);
wm_status hal_udp_send(const uint8_t addr[HAL_ADDR_BYTES], const uint8_t *bytes, size_t len);

/* ---- sensors ---------------------------------------------------------------------------- */

struct hal_sensor {
    const char *name;           /* resource name under /sensors */
    uint8_t channels;           /* values per reading */
    const char *const *channel; /* channel names, `channels` of them */
    const char *const *unit;    /* SenML units (RFC 8428 section 12.1), `channels` of them */
};

/* The board's own sensors (board.toml [[sensor]]), index 0..count-1; constant. */
size_t hal_sensor_count(void);
const struct hal_sensor *hal_sensor_info(size_t index);

/* What a driver notes of a reading, in a form of its own: codes of a converter, say. */
typedef union {
    uint16_t code[4];
    uint32_t word[2];
    float value[2];
} hal_raw;

/* Takes a reading of all channels of one sensor. Blocks for the conversions: less than 80 us in all,
 * which is less than a byte takes at 115200 baud. WM_OK, or WM_EIO when the converter did not answer.
 * Two do not run at once: with interrupts locked, or from the alarm. HAL_RAMCODE, as it is called while
 * a sector is erased; any. */
wm_status hal_sensor_take(size_t index, hal_raw *raw);

/* What it means, a value for each channel. WM_EIO when it means nothing. Thread. */
wm_status hal_sensor_values(size_t index, const hal_raw *raw, float *values);

/* ---- flash ------------------------------------------------------------------------------
 * What of the chip's NOR flash is not the firmware's: sectors for three uses (board.toml [flash]).
 * Addresses are bytes from the start of flash, aligned to HAL_FLASH_WORD for programming: what an
 * STM32L4 programs at a time; others do it in parts. An erased sector reads as ones, programming only
 * clears bits. A cut of power may leave any operation undone, done, or in between; firmware/store copes
 * with that, and nobody else writes. */
#define HAL_FLASH_WORD 8

enum hal_flash_area {
    HAL_FLASH_RECORDS, /* two sectors: what must survive a reset, as a log */
    HAL_FLASH_KEYS,    /* one: the trusted keys; written when the board is flashed, never by the node */
    HAL_FLASH_BANKS    /* the others: one bundle each */
};

struct hal_flash_sector {
    uint32_t at;
    uint32_t size;
};

/* Constant. index is 0..count-1. Thread. */
size_t hal_flash_count(enum hal_flash_area area);
struct hal_flash_sector hal_flash_sector(enum hal_flash_area area, size_t index);

/* Copies. WM_EIO where the flash cannot be read, WM_EINVAL outside of it. Thread. */
wm_status hal_flash_read(uint32_t at, void *out, size_t len);

/* Where `len` bytes from `at`, which lie in one sector, can be read in place until hal_flash_unmap();
 * what is programmed meanwhile shows. NULL where there is no window of that length: boards whose
 * flash lies in the address space always have one, others have MODULE_SLOTS + 1 windows of
 * MODULE_BANK_BYTES. Thread. */
const uint8_t *hal_flash_map(uint32_t at, size_t len);
void hal_flash_unmap(const uint8_t *window);

/* Programs whole words. Blocks: 32 us a word on STM32F4, at most 200. WM_EIO when the flash reports an
 * error; that it took the bits is the caller's to check. A word is programmed once; then, whatever is in
 * it, once more to zeros (an STM32L4 keeps check bits beside each). WM_EBUSY while a sector is being
 * erased. Thread. */
wm_status hal_flash_program(uint32_t at, const void *words, size_t len);

/* Begins to erase the sector that starts at `at`; then ask hal_flash_erase_poll() until it says
 * something else than WM_EAGAIN: WM_OK or WM_EIO. Meanwhile flash is neither read nor programmed. An
 * STM32F4 takes 0.25 s (16 KiB) to 2 s (128 KiB), and its core cannot fetch from flash for that time:
 * there hal_flash_erase_start() itself waits, in RAM and with interrupts locked, and goes on moving the
 * UART's bytes both ways, calling the alarm when it is due, and feeding the watchdog; timers of the loop
 * fire late. On an ESP32-C3 hal_flash_erase_poll() erases 4 KiB each time, which blocks for 45 ms, at
 * most 400; interrupts are taken. Thread. */
wm_status hal_flash_erase_start(uint32_t at);
wm_status hal_flash_erase_poll(void);

/* How long erasing a sector of that size takes at most, by the datasheet, in milliseconds. Constant.
 * Thread. */
uint32_t hal_flash_erase_max_ms(uint32_t sector_bytes);

#endif
