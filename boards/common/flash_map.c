/* Which sectors are for what: board.toml [flash]. */
#include "board_config.h"
#include "hal.h"

struct area {
    const struct hal_flash_sector *sectors;
    size_t count;
};

static const struct hal_flash_sector records[] = {BOARD_FLASH_RECORDS};
static const struct hal_flash_sector keys[] = {BOARD_FLASH_KEYS};
static const struct hal_flash_sector banks[] = {BOARD_FLASH_BANKS};
static const struct area areas[] = {
    [HAL_FLASH_RECORDS] = {records, sizeof records / sizeof records[0]},
    [HAL_FLASH_KEYS] = {keys, sizeof keys / sizeof keys[0]},
    [HAL_FLASH_BANKS] = {banks, sizeof banks / sizeof banks[0]},
};

size_t hal_flash_count(enum hal_flash_area area) {
    return areas[area].count;
}

struct hal_flash_sector hal_flash_sector(enum hal_flash_area area, size_t index) {
    return areas[area].sectors[index];
}
