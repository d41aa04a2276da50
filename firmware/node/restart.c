#include "node/restart.h"

#include <stdio.h>

#include "core/cbor.h"
#include "core/loop.h"
#include "net/link.h"
#include "node/trust.h"

#define RESTART_AAD "wasmote node"
#define LOOK_US 1000u
#define PATIENCE_US 1000000u /* a USB host that does not fetch, or a line that is never idle */

struct order {
    uint64_t how;
    bool has_sequence;
    uint64_t sequence;
};

static struct loop_timer timer;
static enum hal_start how_next;
static uint64_t until_us;

static void get_field(struct cbor_in *in, struct order *order) {
    switch (cbor_get_uint(in)) {
    case 0:
        order->how = cbor_get_uint(in);
        break;
    case 1:
        order->has_sequence = true;
        order->sequence = cbor_get_uint(in);
        break;
    default:
        in->error = true;
    }
}

static bool decode(struct cose_bytes bytes, struct order *order) {
    struct cbor_in in;
    *order = (struct order){.how = UINT64_MAX};
    cbor_in_whole(&in, bytes.bytes, bytes.len);
    size_t pairs = cbor_get_map(&in);
    while (pairs-- && !in.error)
        get_field(&in, order);
    return !in.error && order->how <= HAL_START_LOADER &&
           (!order->has_sequence || order->sequence - 1 < UINT32_MAX);
}

static void look(void *arg) {
    (void)arg;
    if (link_is_idle() || hal_now_us() >= until_us)
        hal_restart(how_next);
    loop_timer_at(&timer, hal_now_us() + LOOK_US, look, NULL);
}

/* Not before the next look at the timers: the answer is on its way then. */
static void restart_soon(enum hal_start how) {
    how_next = how;
    until_us = hal_now_us() + PATIENCE_US;
    loop_timer_at(&timer, hal_now_us(), look, NULL);
}

wm_status restart_order(const uint8_t *message, size_t len, bool is_signed, char *why, size_t why_cap) {
    struct cose_bytes payload = {message, len};
    struct order order;
    wm_status status = trust_open(&payload, is_signed, RESTART_AAD, why, why_cap);
    if (status)
        return status;
    if (!decode(payload, &order)) {
        snprintf(why, why_cap, "expected {0: how to start, ? 1: number}");
        return WM_EINVAL;
    }
    if (!hal_can_restart((enum hal_start)order.how)) {
        snprintf(why, why_cap, "no loader hears this link: flash the board by its pins or its USB");
        return WM_EBUSY;
    }
    if (is_signed && !order.has_sequence) {
        snprintf(why, why_cap, "a signed order has a number, and this one has none");
        return WM_EPERM;
    }
    if (is_signed)
        status = trust_use_sequence(order.sequence, why, why_cap);
    if (status == WM_OK)
        restart_soon((enum hal_start)order.how);
    return status;
}
