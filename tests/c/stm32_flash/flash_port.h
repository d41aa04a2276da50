/* In place of boards/families/stm32f4/flash_port.h: the driver's register accesses go to the model in
 * test_flash.c. */
#ifndef WASMOTE_STM32F4_FLASH_PORT_H
#define WASMOTE_STM32F4_FLASH_PORT_H

#include <stdint.h>
#include <string.h>

#define BOARD_FLASH_BYTES 0x100000u
#define BOARD_FLASH_SECTORS                                                                             \
    {0x0, 0x4000}, {0x4000, 0x4000}, {0x8000, 0x4000}, {0xc000, 0x4000}, {0x10000, 0x10000},            \
        {0x20000, 0x20000}, {0x40000, 0x20000}, {0x60000, 0x20000}, {0x80000, 0x20000},                 \
        {0xa0000, 0x20000}, {0xc0000, 0x20000}, {                                                       \
        0xe0000, 0x20000                                                                                \
    }
#define FLASH_SR_BSY (1u << 16)

void flash_key(uint32_t key);
uint32_t flash_control(void);
void flash_set_control(uint32_t value);
uint32_t flash_status(void);
void flash_clear_status(uint32_t flags);
void flash_store(uint32_t at, uint32_t word);
const uint8_t *flash_address(uint32_t at);
void flash_forget_cache(void);
void flash_wait_for(unsigned control);

#endif
