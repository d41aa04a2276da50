/* Flash for the emulators, whose machines have none that the guest can write: a file on the host by
 * semihosting, flash=PATH on the command line; without it one that is gone when QEMU ends. It holds
 * every bit inverted, so that what was never written is erased. Programming and erasing take the time
 * that the including file's datasheet says: FLASH_WORD_US, and flash_erase_us() of a sector. */
#ifndef WASMOTE_EMULATORS_QEMU_FLASH_H
#define WASMOTE_EMULATORS_QEMU_FLASH_H

#include "board_config.h"
#include "config.h"
#include "qemu.h"

static uint32_t flash_erase_us(uint32_t sector_bytes);

/* ---- the file: Semihosting for AArch32 and AArch64, chapter 6 ------------------------------------- */

enum { SYS_OPEN = 1, SYS_WRITE = 5, SYS_READ = 6, SYS_SEEK = 10, SYS_TMPNAM = 13, SYS_REMOVE = 14 };
enum { OPEN_UPDATE = 3, OPEN_NEW = 7 }; /* "r+b", "w+b" */

static int flash_file_open(const char *path, size_t len, int mode) {
    struct {
        const char *path;
        int mode;
        size_t len;
    } block = {path, mode, len};
    return qemu_semihosting(SYS_OPEN, &block);
}

/* Removed at once: QEMU keeps it open, over warm resets as well. */
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
    int file = flash_file_open(path, remove.len, OPEN_NEW);
    qemu_semihosting(SYS_REMOVE, &remove);
    return file;
}

/* QEMU keeps its files open over a warm reset; the handle is noted where such a reset leaves it. */
static struct {
    uint32_t magic;
    int file;
} flash_open __attribute__((section(".noinit")));

static int flash_file(void) {
    if (flash_open.magic == QEMU_WARM_MAGIC)
        return flash_open.file;
    const char *path = qemu_argument(" flash=");
    size_t len = strcspn(path, " ");
    flash_open.file = len ? flash_file_open(path, len, OPEN_UPDATE) : flash_file_without_name();
    if (flash_open.file < 0)
        flash_open.file = flash_file_open(path, len, OPEN_NEW);
    flash_open.magic = QEMU_WARM_MAGIC;
    return flash_open.file;
}

static bool flash_file_at(uint32_t at) {
    int block[2] = {flash_file(), (int)at};
    return block[0] >= 0 && qemu_semihosting(SYS_SEEK, block) == 0;
}

static bool flash_file_move(int operation, uint32_t at, void *bytes, size_t len) {
    struct {
        int file;
        void *bytes;
        size_t len;
    } block = {flash_file(), bytes, len};
    if (!flash_file_at(at))
        return false;
    size_t left = (size_t)qemu_semihosting(operation, &block);
    if (operation == SYS_READ && left <= len) { /* behind its end it is erased */
        memset((uint8_t *)bytes + (len - left), 0, left);
        left = 0;
    }
    return left == 0;
}

/* ---- windows: what is mapped lies in RAM ---------------------------------------------------------- */

#define FLASH_WINDOWS (MODULE_SLOTS + 1)
struct flash_window {
    uint32_t at;
    size_t len; /* 0: free */
    uint8_t bytes[MODULE_BANK_BYTES] __attribute__((aligned(8)));
};
static struct flash_window flash_windows[FLASH_WINDOWS];
static struct flash_window *flash_mapped; /* NULL until one is used: an image that maps none has none */

static void flash_invert(uint8_t *to, const uint8_t *from, size_t len) {
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)~from[i];
}

wm_status hal_flash_read(uint32_t at, void *out, size_t len) {
    if (at > BOARD_FLASH_BYTES || len > BOARD_FLASH_BYTES - at)
        return WM_EINVAL;
    if (!flash_file_move(SYS_READ, at, out, len))
        return WM_EIO;
    flash_invert(out, out, len);
    return WM_OK;
}

const uint8_t *hal_flash_map(uint32_t at, size_t len) {
    flash_mapped = flash_windows;
    for (size_t i = 0; i < FLASH_WINDOWS; i++) {
        if (flash_windows[i].len || len == 0 || len > sizeof flash_windows[i].bytes)
            continue;
        if (hal_flash_read(at, flash_windows[i].bytes, len) != WM_OK)
            return NULL;
        flash_windows[i].at = at;
        flash_windows[i].len = len;
        return flash_windows[i].bytes;
    }
    return NULL;
}

void hal_flash_unmap(const uint8_t *window) {
    for (size_t i = 0; flash_mapped && i < FLASH_WINDOWS; i++)
        if (window == flash_mapped[i].bytes)
            flash_mapped[i].len = 0;
}

/* ---- programming and erasing ---------------------------------------------------------------------- */

static uint64_t flash_ready_us; /* when the erase ends */
static bool flash_failed;

static void flash_spend(uint32_t us) {
    for (uint64_t until = hal_now_us() + us; hal_now_us() < until;)
        ;
}

/* Windows show what is in the file. */
static void flash_show(uint32_t at, size_t len) {
    for (size_t i = 0; flash_mapped && i < FLASH_WINDOWS; i++) {
        struct flash_window *window = &flash_mapped[i];
        if (window->len && at < window->at + window->len && window->at < at + len)
            hal_flash_read(window->at, window->bytes, window->len);
    }
}

static wm_status flash_program_part(uint32_t at, const uint8_t *words, size_t len) {
    uint8_t bytes[64];
    if (!flash_file_move(SYS_READ, at, bytes, len))
        return WM_EIO;
    for (size_t i = 0; i < len; i++)
        bytes[i] |= (uint8_t)~words[i]; /* inverted: bits are only set */
    flash_spend((uint32_t)len / HAL_FLASH_WORD * FLASH_WORD_US);
    return flash_file_move(SYS_WRITE, at, bytes, len) ? WM_OK : WM_EIO;
}

wm_status hal_flash_program(uint32_t at, const void *words, size_t len) {
    wm_status status = WM_OK;
    if (at > BOARD_FLASH_BYTES || len > BOARD_FLASH_BYTES - at || at % HAL_FLASH_WORD ||
        len % HAL_FLASH_WORD)
        return WM_EINVAL;
    if (hal_now_us() < flash_ready_us)
        return WM_EBUSY;
    for (size_t done = 0; status == WM_OK && done < len; done += 64)
        status = flash_program_part(at + (uint32_t)done, (const uint8_t *)words + done,
                                    len - done < 64 ? len - done : 64);
    flash_show(at, len);
    return status;
}

static wm_status flash_erase_sector(uint32_t at, uint32_t size) {
    static const uint8_t zeros[512];
    flash_failed = false;
    for (uint32_t done = 0; done < size && !flash_failed; done += sizeof zeros)
        flash_failed = !flash_file_move(SYS_WRITE, at + done, (void *)zeros, sizeof zeros);
    flash_ready_us = hal_now_us() + flash_erase_us(size);
    flash_show(at, size);
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
