/* /modules/N/state: a module's snapshot, out and in. */
#include <string.h>

#include "hal.h"
#include "node/resources.h"
#include "node/slot.h"
#include "node/state.h"

static void get(int index, const struct coap_request *request, struct coap_response *response) {
    struct instance *instance = slot_at(index)->active;
    if (!instance || !runtime_is_loaded(&instance->runtime)) {
        coap_fail(response, COAP_409_CONFLICT, "nothing runs in this slot: there is no state");
        return;
    }
    struct state_window window = {
        .first = request->wanted, .bytes = response->body, .cap = request->wanted_len};
    hal_watchdog_feed();
    state_encode(instance, &window);
    response->code = COAP_205_CONTENT;
    response->format = COAP_FORMAT_STATE;
    response->len = window.len;
    response->total = (uint32_t)window.total;
    response->has_etag = true;
    response->etag = window.hash ? window.hash : 1;
}

static void put(int index, const struct coap_request *request, struct coap_response *response) {
    char why[SLOT_WHY_CAP];
    if (request->offset == 0 && !require_format(request, response, COAP_FORMAT_STATE, "a snapshot"))
        return;
    wm_status status = slot_restore(index, request->offset, request->payload, request->len,
                                    request->more, why, sizeof why);
    if (status)
        refuse_slot(response, status, why);
    else
        response->code = COAP_204_CHANGED;
}

void res_module_state(const struct coap_request *request, struct coap_response *response) {
    int index = slot_of_path(request, response);
    if (index < 0)
        return;
    if (request->method == COAP_GET)
        get(index, request, response);
    else
        put(index, request, response);
}

void res_module_state_abandon(const char *path) {
    int index = path[strlen("modules/")] - '0';
    if (slot_at(index))
        slot_restore_abandon(index);
}

void res_module_state_list(void (*emit)(void *arg, const char *path), void *arg) {
    list_slots(emit, arg, "/state");
}
