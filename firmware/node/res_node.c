#include <string.h>

#include "board_config.h"
#include "config.h"
#include "core/loop.h"
#include "hal.h"
#include "node/clock.h"
#include "node/resources.h"
#include "node/restart.h"
#include "node/trust.h"
#include "runtime.h"
#include "store/pool.h"
#include "store/store.h"

static void put_link_counters(struct cbor_out *out) {
    struct link_counters counters;
    link_get_counters(&counters);
    cbor_put_array(out, 3);
    cbor_put_uint(out, counters.frames_dropped);
    cbor_put_uint(out, counters.overruns);
    cbor_put_uint(out, counters.datagrams_dropped);
}

static void put_unique_id(struct cbor_out *out) {
    uint8_t id[16];
    cbor_put_bytes(out, id, hal_unique_id(id, sizeof id));
}

static void put_key_ids(struct cbor_out *out) {
    size_t count = 0;
    for (int place = 0; place < STORE_KEYS_MAX; place++)
        count += trust_key(place) != NULL;
    cbor_put_array(out, count);
    for (int place = 0; place < STORE_KEYS_MAX; place++) {
        uint8_t id[TRUST_KEY_ID_BYTES];
        if (!trust_key(place))
            continue;
        trust_key_id(trust_key(place), id);
        cbor_put_bytes(out, id, sizeof id);
    }
}

static void put_what_it_is(struct cbor_out *out) {
    cbor_put_uint(out, 0);
    cbor_put_text(out, BOARD_NAME);
    cbor_put_uint(out, 1);
    cbor_put_text(out, BOARD_CPU);
    cbor_put_uint(out, 2);
    cbor_put_text(out, WASMOTE_VERSION);
    cbor_put_uint(out, 3);
    cbor_put_uint(out, RUNTIME_ABI_VERSION);
    cbor_put_uint(out, 4);
    cbor_put_uint(out, RUNTIME_PAGE_BYTES);
    cbor_put_uint(out, 5);
    cbor_put_uint(out, runtime_arena_free());
    cbor_put_uint(out, 6);
    cbor_put_uint(out, MODULE_SLOTS);
}

static void put_how_it_is(struct cbor_out *out) {
    cbor_put_uint(out, 7);
    cbor_put_uint(out, hal_now_us() / 1000000);
    cbor_put_uint(out, 8);
    put_unique_id(out);
    cbor_put_uint(out, 9);
    cbor_put_bytes(out, node_boot_id(), BOOT_ID_BYTES);
    cbor_put_uint(out, 10);
    cbor_put_uint(out, hal_get_reset_cause());
    cbor_put_uint(out, 11);
    cbor_put_bool(out, BOARD_INJECTION);
    cbor_put_uint(out, 12);
    cbor_put_bool(out, trust_is_development());
    cbor_put_uint(out, 13);
    cbor_put_bool(out, clock_is_set());
    cbor_put_uint(out, 14);
    cbor_put_uint(out, MODULE_BANK_BYTES);
    cbor_put_uint(out, 15);
    put_link_counters(out);
}

static void put_store(struct cbor_out *out) {
    cbor_put_uint(out, 19);
    cbor_put_uint(out, store_boots());
    cbor_put_uint(out, 20);
    cbor_put_array(out, 4);
    cbor_put_uint(out, pool_count());
    cbor_put_uint(out, pool_unused());
    cbor_put_uint(out, pool_erases());
    cbor_put_uint(out, store_erases());
    cbor_put_uint(out, 21);
    cbor_put_bool(out, hal_starts_without_modules());
}

static void get_node(struct coap_response *response) {
    struct cbor_out out;
    const char *fault = hal_last_fault();
    cbor_out_init(&out, response->body, response->cap);
    cbor_put_map(&out, fault ? 22 : 21);
    put_what_it_is(&out);
    put_how_it_is(&out);
    if (fault) {
        cbor_put_uint(&out, 16);
        cbor_put_text(&out, fault);
    }
    cbor_put_uint(&out, 17);
    cbor_put_uint(&out, loop_busy_us());
    cbor_put_uint(&out, 18);
    put_key_ids(&out);
    put_store(&out);
    respond_cbor(response, &out);
}

static void restart_node(const struct coap_request *request, struct coap_response *response) {
    char why[128];
    bool is_signed = request->format == COAP_FORMAT_COSE_SIGN1;
    if (!is_signed && !require_format(request, response, COAP_FORMAT_CBOR,
                                      "an order to restart, signed in content format 18 or bare"))
        return;
    wm_status status = restart_order(request->payload, request->len, is_signed, why, sizeof why);
    if (status)
        refuse_order(response, status, why);
    else
        response->code = COAP_204_CHANGED;
}

void res_node(const struct coap_request *request, struct coap_response *response) {
    if (request->method == COAP_POST)
        restart_node(request, response);
    else
        get_node(response);
}
