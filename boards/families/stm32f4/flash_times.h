/* How long erasing a sector takes, 32 bits at a time: DS8626 table 41; DS6329 (STM32F2), DS10314
 * (STM32F411) and DS10693 (STM32F446) say the same. */
#ifndef WASMOTE_STM32F4_FLASH_TIMES_H
#define WASMOTE_STM32F4_FLASH_TIMES_H

#include <stdint.h>

static inline uint32_t flash_erase_typical_ms(uint32_t bytes) {
    if (bytes <= 0x4000)
        return 250;
    return bytes <= 0x10000 ? 550 : 1000;
}

static inline uint32_t flash_erase_max_ms(uint32_t bytes) {
    return 2 * flash_erase_typical_ms(bytes);
}

#endif
