#include "uart_rings.h"

#include "board_config.h"
#include "common/ring.h"
#include "core/loop.h"
#include "hal.h"

#ifndef HAL_UART_RX_BYTES
#define HAL_UART_RX_BYTES 4096 /* 355 ms at 115200 baud, more than most events take; a power of two */
#endif
#ifndef HAL_UART_TX_BYTES
#define HAL_UART_TX_BYTES 1024
#endif
_Static_assert((HAL_UART_RX_BYTES & (HAL_UART_RX_BYTES - 1)) == 0, "a ring's size is a power of two");
_Static_assert((HAL_UART_TX_BYTES & (HAL_UART_TX_BYTES - 1)) == 0, "a ring's size is a power of two");

static uint8_t rx_bytes[HAL_UART_RX_BYTES];
static uint8_t tx_bytes[HAL_UART_TX_BYTES];
static struct ring rx = {.bytes = rx_bytes, .size = sizeof rx_bytes};
static struct ring tx = {.bytes = tx_bytes, .size = sizeof tx_bytes};
static volatile uint32_t overruns;

HAL_RAMCODE void uart_rings_lost_one(void) {
    overruns = overruns + 1;
}

HAL_RAMCODE void uart_rings_put(uint8_t byte) {
    if (!ring_put(&rx, byte))
        uart_rings_lost_one();
    loop_post(EVENT_UART);
}

HAL_RAMCODE uint32_t uart_rings_room(void) {
    return ring_space(&rx);
}

/* The loop hears of room when half the ring is free, and when all of it is: not for every byte. */
HAL_RAMCODE bool uart_rings_get(uint8_t *byte) {
    bool some = ring_get(&tx, byte);
    if (ring_used(&tx) == sizeof tx_bytes / 2 || ring_used(&tx) == 0)
        loop_post(EVENT_UART);
    return some;
}

HAL_RAMCODE bool uart_rings_waiting(void) {
    return ring_used(&tx) > 0;
}

size_t hal_uart_read(uint8_t *out, size_t cap) {
    return ring_read(&rx, out, cap);
}

size_t hal_uart_write(const uint8_t *bytes, size_t len) {
    size_t done = ring_write(&tx, bytes, len);
    uint32_t state = hal_irq_lock();
    uart_send();
    hal_irq_unlock(state);
    return done;
}

size_t hal_uart_write_space(void) {
    return ring_space(&tx);
}

bool hal_uart_is_idle(void) {
    return !uart_rings_waiting() && uart_is_idle();
}

uint32_t hal_uart_overruns(void) {
    return overruns;
}
