#include "flash_wait.h"

#include "common/bare/uart_rings.h"
#include "common/cortex_m/cortex_m.h"
#include "common/ring.h"
#include "core/loop.h"
#include "stm32f4.h"
#include "usart.h"

/* Copied to RAM with .data. It calls nothing: whatever it needs is inlined. */
__attribute__((section(".ramcode"), noinline)) static uint32_t wait_in_ram(struct ring *received,
                                                                           uint32_t control) {
    uint32_t lost = 0;
    FLASH_CR = control;
    __asm__ volatile("dsb" ::: "memory");
    while (FLASH_SR & FLASH_SR_BSY) {
        uint32_t status = LINK_USART->SR;
        IWDG->KR = IWDG_KR_FEED; /* nothing, where the watchdog does not run */
        if (!(status & (USART_SR_RXNE | USART_SR_ORE)))
            continue;
        uint8_t byte = (uint8_t)LINK_USART->DR;
        lost += (status & USART_SR_ORE) != 0;
        lost += (status & USART_SR_RXNE) && !ring_put(received, byte);
    }
    return lost;
}

void flash_wait_for(unsigned control) {
    uint32_t state = irq_save();
    uint32_t lost = wait_in_ram(uart_rings_received(), control);
    while (lost-- > 0)
        uart_rings_lost_one();
    irq_restore(state);
    loop_post(EVENT_UART);
}
