#include "fake_hal.h"

#include <string.h>

#include "core/loop.h"

struct ring {
    uint8_t bytes[FAKE_RING_BYTES];
    size_t len, cap;
};

#define DATAGRAMS 32

struct datagram {
    uint8_t peer;
    size_t len;
    uint8_t bytes[2048];
};

struct datagrams {
    struct datagram slots[DATAGRAMS];
    size_t count;
};

static uint64_t now_us, idle_until;
static uint64_t alarm_us = HAL_NEVER;
static void (*alarm_fire)(void);
static bool idled;
static uint32_t random_state, overruns;
static struct ring rx, tx;
static struct datagrams udp_in, udp_out;
wm_status fake_udp_status;
bool fake_without_modules;

void fake_reset(void) {
    now_us = 1000000;
    random_state = 1;
    overruns = 0;
    rx.len = tx.len = 0;
    rx.cap = tx.cap = FAKE_RING_BYTES;
    udp_in.count = udp_out.count = 0;
    fake_udp_status = WM_OK;
    fake_without_modules = false;
}

/* ---- time ------------------------------------------------------------------------------- */

static void ring(void) {
    while (alarm_us <= now_us) {
        alarm_us = HAL_NEVER;
        alarm_fire();
    }
}

void fake_settle(void) {
    do {
        ring();
        idled = false;
        loop_run_once();
    } while (!idled || idle_until <= now_us);
}

void fake_advance_us(uint64_t span) {
    uint64_t end = now_us + span;
    fake_settle();
    while (now_us < end) {
        now_us = idle_until < end ? idle_until : end;
        fake_settle();
    }
}

void fake_stand_still_us(uint64_t span) {
    uint64_t end = now_us + span;
    while (alarm_us <= end) {
        now_us = alarm_us > now_us ? alarm_us : now_us;
        ring();
    }
    now_us = end;
}

void fake_jump_us(uint64_t span) {
    fake_stand_still_us(span);
    fake_settle();
}

uint64_t hal_now_us(void) {
    return now_us;
}

void hal_idle(uint64_t until_us) {
    idled = true;
    idle_until = until_us < alarm_us ? until_us : alarm_us;
}

void hal_alarm_at(uint64_t at_us, void (*fire)(void)) {
    alarm_us = at_us;
    alarm_fire = fire;
}

uint32_t hal_irq_lock(void) {
    return 0;
}

void hal_irq_unlock(uint32_t state) {
    (void)state;
}

void hal_watchdog_start(uint32_t timeout_ms) {
    (void)timeout_ms;
}

void hal_watchdog_feed(void) {
}

/* ---- life ------------------------------------------------------------------------------- */

bool hal_starts_without_modules(void) {
    return fake_without_modules;
}

void hal_random(uint8_t *out, size_t len) {
    while (len-- > 0) {
        random_state = random_state * 1664525u + 1013904223u;
        *out++ = (uint8_t)(random_state >> 24);
    }
}

/* ---- serial line ------------------------------------------------------------------------ */

static size_t ring_take(struct ring *ring, uint8_t *out, size_t cap) {
    size_t len = ring->len < cap ? ring->len : cap;
    memcpy(out, ring->bytes, len);
    ring->len -= len;
    memmove(ring->bytes, ring->bytes + len, ring->len);
    return len;
}

static size_t ring_put(struct ring *ring, const void *bytes, size_t len) {
    size_t room = ring->cap > ring->len ? ring->cap - ring->len : 0;
    size_t put = len < room ? len : room;
    memcpy(ring->bytes + ring->len, bytes, put);
    ring->len += put;
    return put;
}

void fake_uart_put(const void *bytes, size_t len) {
    overruns += (uint32_t)(len - ring_put(&rx, bytes, len));
    loop_post(EVENT_UART);
}

size_t fake_uart_take(uint8_t *out, size_t cap) {
    size_t len = ring_take(&tx, out, cap);
    loop_post(EVENT_UART);
    return len;
}

size_t fake_uart_sent(void) {
    return tx.len;
}

void fake_uart_tx_cap(size_t cap) {
    tx.cap = cap;
    loop_post(EVENT_UART);
}

size_t hal_uart_read(uint8_t *out, size_t cap) {
    return ring_take(&rx, out, cap);
}

size_t hal_uart_write(const uint8_t *bytes, size_t len) {
    return ring_put(&tx, bytes, len);
}

size_t hal_uart_write_space(void) {
    return tx.cap > tx.len ? tx.cap - tx.len : 0;
}

bool hal_uart_is_idle(void) {
    return tx.len == 0;
}

uint32_t hal_uart_overruns(void) {
    return overruns;
}

/* ---- UDP -------------------------------------------------------------------------------- */

static void push(struct datagrams *queue, uint8_t peer, const void *bytes, size_t len) {
    if (queue->count == DATAGRAMS || len > sizeof queue->slots[0].bytes) {
        return; /* as a network would */
    }
    struct datagram *slot = &queue->slots[queue->count++];
    slot->peer = peer;
    slot->len = len;
    memcpy(slot->bytes, bytes, len);
}

static void remove_at(struct datagrams *queue, size_t index) {
    queue->count--;
    memmove(queue->slots + index, queue->slots + index + 1,
            (queue->count - index) * sizeof queue->slots[0]);
}

void fake_udp_put(uint8_t peer, const void *bytes, size_t len) {
    if (len > 0) { /* an empty one is no message: no HAL hands it on, since 0 means that none waits */
        push(&udp_in, peer, bytes, len);
    }
    loop_post(EVENT_UDP);
}

size_t fake_udp_take(uint8_t peer, uint8_t *out, size_t cap) {
    for (size_t i = 0; i < udp_out.count; i++) {
        size_t len = udp_out.slots[i].len;
        if (udp_out.slots[i].peer == peer && len <= cap) {
            memcpy(out, udp_out.slots[i].bytes, len);
            remove_at(&udp_out, i);
            return len;
        }
    }
    return 0;
}

int hal_udp_recv(uint8_t addr[HAL_ADDR_BYTES], uint8_t *out, size_t cap) {
    if (udp_in.count == 0) {
        return 0;
    }
    size_t len = udp_in.slots[0].len;
    memset(addr, 0, HAL_ADDR_BYTES);
    addr[0] = udp_in.slots[0].peer;
    if (len <= cap) {
        memcpy(out, udp_in.slots[0].bytes, len);
    }
    remove_at(&udp_in, 0);
    return len <= cap ? (int)len : WM_EINVAL;
}

wm_status hal_udp_send(const uint8_t addr[HAL_ADDR_BYTES], const uint8_t *bytes, size_t len) {
    if (fake_udp_status == WM_OK) {
        push(&udp_out, addr[0], bytes, len);
    }
    return fake_udp_status;
}
