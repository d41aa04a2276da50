#include "node/resources.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "node/res_install.h"

#define GET (1u << COAP_GET)
#define PUT (1u << COAP_PUT)
#define POST (1u << COAP_POST)
#define DELETE (1u << COAP_DELETE)

static const struct coap_resource table[] = {
    {.path = "node",
     .attributes = "rt=\"wasmote.node\";ct=60",
     .methods = GET | POST,
     .handle = res_node},
    {.path = "node/keys",
     .attributes = "rt=\"wasmote.keys\";ct=60",
     .methods = GET | POST,
     .handle = res_keys},
    {.path = "sensors",
     .attributes = "rt=\"wasmote.sensors\";ct=60",
     .methods = GET,
     .handle = res_sensors},
    {.path = "sensors/*",
     .attributes = "rt=\"wasmote.sensor\";ct=112",
     .methods = GET | PUT,
     .flags = COAP_OBSERVABLE,
     .handle = res_sensor,
     .list = res_sensor_list},
    {.path = "modules",
     .attributes = "rt=\"wasmote.modules\";ct=60",
     .methods = GET,
     .handle = res_modules},
    {.path = "modules/*",
     .attributes = "rt=\"wasmote.module\";ct=60",
     .methods = GET | PUT | DELETE,
     .flags = COAP_STREAMED,
     .handle = res_module,
     .list = res_module_list,
     .abandon = res_module_abandon,
     .proves = install_proves},
    {.path = "modules/*/control",
     .attributes = "rt=\"wasmote.control\";ct=60",
     .methods = POST,
     .handle = res_module_control,
     .list = res_module_control_list},
    {.path = "modules/*/config",
     .attributes = "rt=\"wasmote.config\";ct=60",
     .methods = GET | PUT,
     .handle = res_module_config,
     .list = res_module_config_list},
    {.path = "modules/*/state",
     .attributes = "rt=\"wasmote.state\";ct=65002",
     .methods = GET | PUT,
     .flags = COAP_STREAMED,
     .handle = res_module_state,
     .list = res_module_state_list,
     .abandon = res_module_state_abandon},
    {.path = "modules/*/trace",
     .attributes = "rt=\"wasmote.trace\";ct=60",
     .methods = GET | PUT,
     .flags = COAP_OBSERVABLE,
     .handle = res_module_trace,
     .list = res_module_trace_list},
    {.path = "modules/*/event",
     .attributes = "rt=\"wasmote.event\";ct=60",
     .methods = POST,
     .handle = res_module_event,
     .list = res_module_event_list},
    {.path = "out", .attributes = "rt=\"wasmote.out\";ct=60", .methods = GET, .handle = res_out},
    {.path = "out/*",
     .attributes = "rt=\"wasmote.out\";ct=60",
     .methods = GET,
     .handle = res_out_slot,
     .list = res_out_slot_list},
    {.path = "out/*/*",
     .attributes = "rt=\"wasmote.stream\";ct=60",
     .methods = GET,
     .flags = COAP_OBSERVABLE,
     .handle = res_out_stream,
     .list = res_out_stream_list},
    {.path = "log",
     .attributes = "rt=\"wasmote.log\";ct=60",
     .methods = GET,
     .flags = COAP_OBSERVABLE,
     .handle = res_log},
    {.path = "time",
     .attributes = "rt=\"wasmote.time\";ct=60",
     .methods = GET | PUT,
     .handle = res_time},
};

void resources_start(void) {
    coap_server_start(table, sizeof table / sizeof table[0]);
}

void respond_cbor(struct coap_response *response, const struct cbor_out *out) {
    if (out->overflow) {
        coap_fail(response, COAP_500_INTERNAL, "the answer is larger than %u bytes", (unsigned)out->cap);
        return;
    }
    response->code = COAP_205_CONTENT;
    response->format = COAP_FORMAT_CBOR;
    response->len = out->len;
}

void respond_behind_head(struct coap_response *response, const struct cbor_out *head, size_t gap,
                         size_t len) {
    memmove(response->body + head->len, response->body + gap, len);
    memcpy(response->body, head->bytes, head->len);
    response->code = COAP_205_CONTENT;
    response->format = COAP_FORMAT_CBOR;
    response->len = head->len + len;
}

void refuse_order(struct coap_response *response, wm_status status, const char *why) {
    switch (status) {
    case WM_EINVAL:
        coap_fail(response, COAP_400_BAD_REQUEST, "%s", why);
        break;
    case WM_EPERM:
        coap_fail(response, COAP_403_FORBIDDEN, "%s", why);
        break;
    case WM_EBUSY:
        coap_fail(response, COAP_409_CONFLICT, "%s", why);
        break;
    default:
        coap_fail(response, COAP_500_INTERNAL, "%s", why);
    }
}

int slot_of_path(const struct coap_request *request, struct coap_response *response) {
    const char *segment = request->wild[0];
    int slot = segment[0] - '0';
    if (segment[0] && !segment[1] && slot >= 0 && slot < MODULE_SLOTS)
        return slot;
    coap_fail(response, COAP_404_NOT_FOUND, "no slot %s: this node has 0 to %d", segment,
              MODULE_SLOTS - 1);
    return -1;
}

bool require_format(const struct coap_request *request, struct coap_response *response, int format,
                    const char *what) {
    if (request->format == format)
        return true;
    coap_fail(response, COAP_415_UNSUPPORTED_FORMAT, "expected %s in content format %d", what, format);
    return false;
}

enum since since_of_query(const struct coap_request *request, struct coap_response *response,
                          uint32_t *number) {
    char text[16];
    if (!coap_query(request->query, "since", text, sizeof text))
        return SINCE_ABSENT;
    if (strcmp(text, "none") == 0)
        return SINCE_ALL;
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == 0 && value <= UINT32_MAX && strlen(text) <= 10) {
        *number = (uint32_t)value;
        return SINCE_NUMBER;
    }
    coap_fail(response, COAP_400_BAD_REQUEST, "since=%s: expected a sequence number or none", text);
    return SINCE_BAD;
}
