/* /modules/N/trace and /modules/N/event: what entered a module, and what is to enter it again. */
#include "board_config.h"
#include "config.h"
#include "node/replay.h"
#include "node/resources.h"
#include "node/slot.h"
#include "node/trace.h"

/* ---- trace ---------------------------------------------------------------------------------- */

/* As of a stream, and one pair more: map, boot id, lost, next, on and the array's head. */
#define HEAD_MAX 36

static void respond_trace(int slot, struct coap_response *response, const struct record_batch *batch) {
    uint8_t head[HEAD_MAX];
    struct cbor_out out;
    cbor_out_init(&out, head, sizeof head);
    cbor_put_map(&out, 5);
    cbor_put_uint(&out, 0);
    cbor_put_bytes(&out, node_boot_id(), BOOT_ID_BYTES);
    cbor_put_uint(&out, 1);
    cbor_put_uint(&out, batch->lost);
    cbor_put_uint(&out, 2);
    cbor_put_uint(&out, trace_next());
    cbor_put_uint(&out, 4);
    cbor_put_bool(&out, trace_is_on(slot));
    cbor_put_uint(&out, 3);
    cbor_put_array(&out, batch->count);
    respond_behind_head(response, &out, HEAD_MAX, batch->len);
}

static void get(int slot, const struct coap_request *request, struct coap_response *response) {
    static const struct record_ring none;
    const struct record_ring *ring = trace_ring(slot);
    uint32_t number = 0;
    uint8_t *records = response->body + HEAD_MAX;
    size_t cap = response->cap - HEAD_MAX;
    struct record_batch batch = {0};
    enum since since = since_of_query(request, response, &number);
    if (since == SINCE_BAD)
        return;
    if (!ring)
        ring = &none;
    if (since == SINCE_ABSENT)
        batch = record_ring_newest(ring, records, cap);
    else if (since == SINCE_ALL)
        batch = record_ring_all(ring, records, cap);
    else
        batch = record_ring_after(ring, number, records, cap);
    respond_trace(slot, response, &batch);
}

static void put(int slot, const struct coap_request *request, struct coap_response *response) {
    char why[SLOT_WHY_CAP];
    struct cbor_in in;
    if (!require_format(request, response, COAP_FORMAT_CBOR, "{0: true or false}"))
        return;
    cbor_in_whole(&in, request->payload, request->len);
    bool known = cbor_get_map(&in) == 1 && cbor_get_uint(&in) == 0;
    bool on = cbor_get_bool(&in);
    if (!known || in.error || !cbor_at_end(&in)) {
        coap_fail(response, COAP_400_BAD_REQUEST, "expected {0: true or false}");
        return;
    }
    const struct instance *active = slot_at(slot)->active;
    bool loaded = active && runtime_is_loaded(&active->runtime);
    if (!on)
        trace_stop(slot);
    else if (trace_start(slot, loaded ? active : NULL, why, sizeof why)) {
        coap_fail(response, COAP_409_CONFLICT, "%s", why);
        return;
    }
    response->code = COAP_204_CHANGED;
}

void res_module_trace(const struct coap_request *request, struct coap_response *response) {
    int slot = slot_of_path(request, response);
    if (slot < 0)
        return;
    if (!TRACE_RING_BYTES)
        coap_fail(response, COAP_404_NOT_FOUND, "this board has no memory for traces");
    else if (request->method == COAP_GET)
        get(slot, request, response);
    else
        put(slot, request, response);
}

void res_module_trace_list(void (*emit)(void *arg, const char *path), void *arg) {
    if (TRACE_RING_BYTES)
        list_slots(emit, arg, "/trace");
}

/* ---- event ---------------------------------------------------------------------------------- */

void res_module_event(const struct coap_request *request, struct coap_response *response) {
    char why[SLOT_WHY_CAP];
    bool strayed;
    int slot = slot_of_path(request, response);
    if (slot < 0)
        return;
    if (!BOARD_INJECTION) {
        coap_fail(response, COAP_403_FORBIDDEN, "injection is not allowed on this board");
        return;
    }
    if (!require_format(request, response, COAP_FORMAT_CBOR, "records of a trace"))
        return;
    struct span records = {request->payload, request->len};
    wm_status status = replay_events(slot, records, &strayed, why, sizeof why);
    if (strayed)
        coap_fail(response, COAP_409_CONFLICT, "%s", why);
    else if (status)
        refuse_slot(response, status, why);
    else
        response->code = COAP_204_CHANGED;
}

void res_module_event_list(void (*emit)(void *arg, const char *path), void *arg) {
    list_slots(emit, arg, "/event");
}
