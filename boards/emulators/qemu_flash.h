/* Flash for the emulators. QEMU has the memory, where the chip has it, but the guest can only read it.
 * What a guest reads from the host by semihosting goes into memory of any kind, however (QEMU 7.2,
 * cpu_memory_rw_debug()): so a file on the host holds the flash, flash=PATH on the command line, and
 * what was written there is read back to its address. Without a path, or where nothing is there yet, the
 * flash is new and erased. Programming and erasing take the time that the including file's datasheet
 * says: FLASH_WORD_US, and of a sector flash_erase_typical_ms() or, with flash-slow=1 on the command
 * line, flash_erase_max_ms(); flash_erasing() is what the chip does when an erase has begun. */
#ifndef WASMOTE_EMULATORS_QEMU_FLASH_H
#define WASMOTE_EMULATORS_QEMU_FLASH_H

#include "board_config.h"
#include "qemu.h"

static uint32_t flash_erase_typical_ms(uint32_t sector_bytes);
static uint32_t flash_erase_max_ms(uint32_t sector_bytes);
static void flash_erasing(void);

/* ---- the file: Semihosting for AArch32 and AArch64, chapter 6 ------------------------------------- */

enum { SYS_OPEN = 1, SYS_WRITE = 5, SYS_READ = 6, SYS_SEEK = 10, SYS_FLEN = 12, SYS_TMPNAM = 13 };
enum { SYS_REMOVE = 14 };
enum { OPEN_UPDATE = 3, OPEN_NEW = 7 }; /* "r+b", "w+b" */

static int flash_file_open(const char *path, int mode) {
    struct {
        const char *path;
        int mode;
        size_t len;
    } block = {path, mode, strlen(path)};
    return qemu_semihosting(SYS_OPEN, &block);
}

/* Removed at once: QEMU keeps it open. */
static int flash_file_without_name(void) {
    char path[64] = "";
    struct {
        char *path;
        int number;
        size_t cap;
    } name = {path, 1, sizeof path};
    struct {
        const char *path;
        size_t len;
    } remove;
    if (qemu_semihosting(SYS_TMPNAM, &name) != 0)
        return -1;
    remove.path = path;
    remove.len = strlen(path);
    int file = flash_file_open(path, OPEN_NEW);
    qemu_semihosting(SYS_REMOVE, &remove);
    return file;
}

/* Moves len bytes between the file and the address; SYS_READ or SYS_WRITE. */
static bool flash_file_move(int operation, int file, uint32_t at, const void *address, size_t len) {
    int place[2] = {file, (int)at};
    struct {
        int file;
        const void *address;
        size_t len;
    } block = {file, address, len};
    return qemu_semihosting(SYS_SEEK, place) == 0 && qemu_semihosting(operation, &block) == 0;
}

static bool flash_file_fill(int file, uint32_t at, uint32_t size) {
    uint8_t ones[512];
    memset(ones, 0xFF, sizeof ones);
    bool done = true;
    for (uint32_t offset = 0; done && offset < size; offset += sizeof ones)
        done = flash_file_move(SYS_WRITE, file, at + offset, ones, sizeof ones);
    return done;
}

/* ---- the memory ----------------------------------------------------------------------------------- */

static const uint8_t *flash_memory(uint32_t at) {
    return (const uint8_t *)(BOARD_FLASH_ORIGIN + at);
}

/* From the file to where it is read. */
static bool flash_show(int file, uint32_t at, size_t len) {
    return flash_file_move(SYS_READ, file, at, flash_memory(at), len);
}

/* What is not the firmware's, which QEMU has loaded. */
static bool flash_show_all(int file) {
    bool done = true;
    for (int area = HAL_FLASH_RECORDS; area <= HAL_FLASH_BANKS; area++)
        for (size_t i = 0; done && i < hal_flash_count((enum hal_flash_area)area); i++) {
            struct hal_flash_sector sector = hal_flash_sector((enum hal_flash_area)area, i);
            done = flash_show(file, sector.at, sector.size);
        }
    return done;
}

static int flash_power_on(void) {
    const char *argument = qemu_argument(" flash=");
    size_t len = strcspn(argument, " ");
    char path[256] = "";
    memcpy(path, argument, len < sizeof path ? len : 0);
    int file = len ? flash_file_open(path, OPEN_UPDATE) : flash_file_without_name();
    if (file < 0)
        file = flash_file_open(path, OPEN_NEW);
    if (file < 0)
        return -1;
    int bytes = qemu_semihosting(SYS_FLEN, &file);
    bool done =
        bytes == BOARD_FLASH_BYTES || (bytes == 0 && flash_file_fill(file, 0, BOARD_FLASH_BYTES));
    return done && flash_show_all(file) ? file : -1;
}

/* A warm reset leaves the memory as it is, and the file open; its handle is noted in RAM that such a
 * reset leaves alone. Negative: there is none of the right length. */
static int flash_file(void) {
    static struct {
        uint32_t magic;
        int file;
    } noted __attribute__((section(".noinit")));
    if (noted.magic != QEMU_WARM_MAGIC) {
        noted.file = flash_power_on();
        noted.magic = QEMU_WARM_MAGIC;
    }
    return noted.file;
}

static bool flash_has(uint32_t at, size_t len) {
    return at <= BOARD_FLASH_BYTES && len <= BOARD_FLASH_BYTES - at;
}

wm_status hal_flash_read(uint32_t at, void *out, size_t len) {
    if (!flash_has(at, len))
        return WM_EINVAL;
    if (flash_file() < 0)
        return WM_EIO;
    memcpy(out, flash_memory(at), len);
    return WM_OK;
}

const uint8_t *hal_flash_map(uint32_t at, size_t len) {
    return flash_has(at, len) && flash_file() >= 0 ? flash_memory(at) : NULL;
}

void hal_flash_unmap(const uint8_t *window) {
    (void)window;
}

/* ---- programming and erasing ---------------------------------------------------------------------- */

static uint64_t flash_ready_us; /* when the erase ends */
static bool flash_failed;

static void flash_spend(uint32_t us) {
    for (uint64_t until = hal_now_us() + us; hal_now_us() < until;)
        ;
}

static bool flash_program_part(uint32_t at, const uint8_t *words, size_t len) {
    uint8_t bytes[64];
    for (size_t i = 0; i < len; i++)
        bytes[i] = flash_memory(at)[i] & words[i];
    flash_spend((uint32_t)len / 4 * FLASH_WORD_US);
    return flash_file_move(SYS_WRITE, flash_file(), at, bytes, len) && flash_show(flash_file(), at, len);
}

wm_status hal_flash_program(uint32_t at, const void *words, size_t len) {
    if (!flash_has(at, len) || at % HAL_FLASH_WORD || len % HAL_FLASH_WORD)
        return WM_EINVAL;
    if (hal_now_us() < flash_ready_us)
        return WM_EBUSY;
    bool done = flash_file() >= 0;
    for (size_t i = 0; done && i < len; i += 64)
        done = flash_program_part(at + (uint32_t)i, (const uint8_t *)words + i,
                                  len - i < 64 ? len - i : 64);
    return done ? WM_OK : WM_EIO;
}

static uint32_t flash_erase_ms(uint32_t sector_bytes) {
    bool is_slow = *qemu_argument(" flash-slow=") == '1';
    return is_slow ? flash_erase_max_ms(sector_bytes) : flash_erase_typical_ms(sector_bytes);
}

uint32_t hal_flash_erase_max_ms(uint32_t sector_bytes) {
    return flash_erase_max_ms(sector_bytes);
}

static wm_status flash_erase_sector(uint32_t at, uint32_t size) {
    int file = flash_file();
    flash_failed = file < 0 || !flash_file_fill(file, at, size) || !flash_show(file, at, size);
    flash_ready_us = hal_now_us() + flash_erase_ms(size) * UINT64_C(1000);
    flash_erasing();
    return WM_OK;
}

wm_status hal_flash_erase_start(uint32_t at) {
    static const struct hal_flash_sector sectors[] = {BOARD_FLASH_SECTORS};
    for (size_t i = 0; i < sizeof sectors / sizeof sectors[0]; i++)
        if (sectors[i].at == at)
            return flash_erase_sector(at, sectors[i].size);
    return WM_EINVAL;
}

wm_status hal_flash_erase_poll(void) {
    if (hal_now_us() < flash_ready_us)
        return WM_EAGAIN;
    return flash_failed ? WM_EIO : WM_OK;
}

#endif
