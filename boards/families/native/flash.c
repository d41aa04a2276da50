/* Flash in a file, mapped: what is programmed is in the file even when the process is killed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <fcntl.h>

#include "board_config.h"
#include "native.h"

static uint8_t *flash;

/* A new file is erased; one of another length is not ours. */
static void make_erased(int file) {
    off_t length = lseek(file, 0, SEEK_END);
    if (length == BOARD_FLASH_BYTES)
        return;
    if (length != 0) {
        fprintf(stderr, "native board: --flash %s: has %lld bytes, not the %u of a flash\n",
                native_options.flash, (long long)length, BOARD_FLASH_BYTES);
        _exit(2);
    }
    uint8_t erased[4096];
    memset(erased, 0xFF, sizeof erased);
    for (uint32_t done = 0; done < BOARD_FLASH_BYTES; done += sizeof erased)
        if (write(file, erased, sizeof erased) != (ssize_t)sizeof erased)
            native_die("flash");
}

static bool is_erased(uint32_t at, uint32_t size) {
    for (uint32_t i = 0; i < size; i++)
        if (flash[at + i] != 0xFF)
            return false;
    return true;
}

/* Only a new flash takes keys, or the one that has just these: what a node trusts is else changed by who
 * has a key of it. */
static void put_keys(void) {
    uint8_t area[NATIVE_KEYS_BYTES];
    uint32_t at = hal_flash_sector(HAL_FLASH_KEYS, 0).at;
    native_keys_area(area);
    if (memcmp(flash + at, area, sizeof area) == 0)
        return;
    if (!is_erased(0, BOARD_FLASH_BYTES)) {
        fprintf(stderr,
                "native board: --key: the flash in %s is in use and was not made with these keys\n",
                native_options.flash);
        exit(2);
    }
    memcpy(flash + at, area, sizeof area);
}

void native_flash_open(void) {
    if (native_files.flash < 0) {
        native_files.flash = native_options.flash ? open(native_options.flash, O_RDWR | O_CREAT, 0644)
                                                  : memfd_create("flash", 0);
        if (native_files.flash < 0)
            native_die("flash");
        make_erased(native_files.flash);
    }
    flash = mmap(NULL, BOARD_FLASH_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, native_files.flash, 0);
    if (flash == MAP_FAILED)
        native_die("flash");
    if (native_options.key[0] && !native_is_restart())
        put_keys();
}

static bool inside(uint32_t at, size_t len) {
    return at <= BOARD_FLASH_BYTES && len <= BOARD_FLASH_BYTES - at;
}

wm_status hal_flash_read(uint32_t at, void *out, size_t len) {
    if (!inside(at, len))
        return WM_EINVAL;
    memcpy(out, flash + at, len);
    return WM_OK;
}

const uint8_t *hal_flash_map(uint32_t at, size_t len) {
    return inside(at, len) ? flash + at : NULL;
}

void hal_flash_unmap(const uint8_t *window) {
    (void)window;
}

wm_status hal_flash_program(uint32_t at, const void *words, size_t len) {
    if (!inside(at, len) || at % HAL_FLASH_WORD || len % HAL_FLASH_WORD)
        return WM_EINVAL;
    for (size_t i = 0; i < len; i++)
        flash[at + i] &= ((const uint8_t *)words)[i];
    return WM_OK;
}

/* At once. */
wm_status hal_flash_erase_start(uint32_t at) {
    static const struct hal_flash_sector sectors[] = {BOARD_FLASH_SECTORS};
    for (size_t i = 0; i < sizeof sectors / sizeof sectors[0]; i++) {
        if (sectors[i].at != at)
            continue;
        memset(flash + at, 0xFF, sectors[i].size);
        return WM_OK;
    }
    return WM_EINVAL;
}

wm_status hal_flash_erase_poll(void) {
    return WM_OK;
}

uint32_t hal_flash_erase_max_ms(uint32_t sector_bytes) {
    (void)sector_bytes;
    return 0;
}
