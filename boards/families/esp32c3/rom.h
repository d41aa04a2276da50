/* Functions in the chip's ROM; their addresses are those of esp-idf's esp32c3.rom.ld, the same in all
 * revisions. None of them reads flash by itself. */
#ifndef WASMOTE_ESP32C3_ROM_H
#define WASMOTE_ESP32C3_ROM_H

#include <stdint.h>

/* 0 is success. `data` lies in RAM and is aligned to words, as is `address` in flash; len is a multiple
 * of 4. */
#define rom_flash_config_param                                                                          \
    ((int (*)(uint32_t id, uint32_t chip, uint32_t block, uint32_t sector, uint32_t page,               \
              uint32_t status_mask))0x40000134u) /* bytes of each */
#define rom_flash_unlock ((int (*)(void))0x40000140u)
#define rom_flash_erase_sector ((int (*)(uint32_t number))0x40000128u) /* of 4 KiB */
#define rom_flash_write ((int (*)(uint32_t address, const uint32_t *data, int32_t len))0x4000012Cu)

/* From suspend to resume flash must not be read through the cache: no code, no constants. */
#define rom_cache_invalidate ((void (*)(void))0x400004D8u)
#define rom_cache_suspend ((uint32_t(*)(void))0x40000524u)
#define rom_cache_resume ((void (*)(uint32_t autoload))0x40000528u)

/* Tells the ROM's own waiting loops how fast the core is. */
#define rom_set_cpu_mhz ((void (*)(uint32_t mhz))0x40000588u)

/* Writes some bits of a register of the analog parts. */
#define rom_analog_write                                                                                \
    ((void (*)(uint8_t block, uint8_t host, uint8_t reg, uint8_t msb, uint8_t lsb,                      \
               uint8_t value))0x40001960u)

#endif
