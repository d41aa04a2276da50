/* In place of boards/families/stm32l4/flash_port.h: the driver's register accesses go to the model in
 * test_flash_l4.c. */
#ifndef WASMOTE_STM32L4_FLASH_PORT_H
#define WASMOTE_STM32L4_FLASH_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define BOARD_FLASH_BYTES 0x100000u
#define BOARD_FLASH_SECTORS                                                                             \
    {0x0, 0x80000}, {0x80000, 0x1000}, {0x81000, 0x1000}, {                                             \
        0x84000, 0x10000                                                                                \
    }

extern volatile bool flash_is_torn;
void flash_key(uint32_t key);
uint32_t flash_control(void);
void flash_set_control(uint32_t value);
uint32_t flash_status(void);
void flash_clear_status(uint32_t flags);
void flash_store(uint32_t at, uint32_t low, uint32_t high);
const uint8_t *flash_address(uint32_t at);
void flash_copy(void *out, uint32_t at, size_t len);

#endif
