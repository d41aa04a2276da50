/* The node's resources (SPEC): one res_*.c a subtree, joined in one table. */
#ifndef WASMOTE_RESOURCES_H
#define WASMOTE_RESOURCES_H

#include <stddef.h>
#include <stdint.h>

#include "core/cbor.h"
#include "core/status.h"
#include "net/coap_server.h"

/* Fills the table and starts the CoAP server. */
void resources_start(void);

void res_node(const struct coap_request *request, struct coap_response *response);
void res_keys(const struct coap_request *request, struct coap_response *response);

void res_sensors(const struct coap_request *request, struct coap_response *response);
void res_sensor(const struct coap_request *request, struct coap_response *response);
void res_sensor_list(void (*emit)(void *arg, const char *path), void *arg);

void res_modules(const struct coap_request *request, struct coap_response *response);
void res_module(const struct coap_request *request, struct coap_response *response);
void res_module_abandon(const char *path);
void res_module_control(const struct coap_request *request, struct coap_response *response);
void res_module_config(const struct coap_request *request, struct coap_response *response);
void res_module_state(const struct coap_request *request, struct coap_response *response);
void res_module_state_abandon(const char *path);
void res_module_state_list(void (*emit)(void *arg, const char *path), void *arg);
void res_module_trace(const struct coap_request *request, struct coap_response *response);
void res_module_trace_list(void (*emit)(void *arg, const char *path), void *arg);
void res_module_event(const struct coap_request *request, struct coap_response *response);
void res_module_event_list(void (*emit)(void *arg, const char *path), void *arg);
void res_module_list(void (*emit)(void *arg, const char *path), void *arg);
void res_module_control_list(void (*emit)(void *arg, const char *path), void *arg);
void res_module_config_list(void (*emit)(void *arg, const char *path), void *arg);

void res_out(const struct coap_request *request, struct coap_response *response);
void res_out_slot(const struct coap_request *request, struct coap_response *response);
void res_out_stream(const struct coap_request *request, struct coap_response *response);
void res_out_slot_list(void (*emit)(void *arg, const char *path), void *arg);
void res_out_stream_list(void (*emit)(void *arg, const char *path), void *arg);

void res_log(const struct coap_request *request, struct coap_response *response);
void res_time(const struct coap_request *request, struct coap_response *response);

/* ---- shared by the handlers ------------------------------------------------------------- */

/* The node's boot id: random, new at every start. */
#define BOOT_ID_BYTES 4
const uint8_t *node_boot_id(void);

/* Answers 2.05 with CBOR that was encoded into response->body; 5.00 when it did not fit. */
void respond_cbor(struct coap_response *response, const struct cbor_out *out);

/* The same for a body whose head could only be encoded after its content: the content lies at
 * `gap` in response->body and is moved up behind the head. */
void respond_behind_head(struct coap_response *response, const struct cbor_out *head, size_t gap,
                         size_t len);

/* Answers with the code and the reason of an operation on a slot that failed. */
void refuse_slot(struct coap_response *response, wm_status status, const char *why);

/* Answers with the code and the reason of an order to the node itself that was refused. */
void refuse_order(struct coap_response *response, wm_status status, const char *why);

/* Calls emit("modules/0" suffix) for every slot. */
void list_slots(void (*emit)(void *arg, const char *path), void *arg, const char *suffix);

/* The slot named by a path segment, 0..MODULE_SLOTS-1; answers 4.04 and returns -1 otherwise. */
int slot_of_path(const struct coap_request *request, struct coap_response *response);

/* True when the request has the content format; answers 4.15 otherwise. */
bool require_format(const struct coap_request *request, struct coap_response *response, int format,
                    const char *what);

/* `?since=SEQ` or `?since=none` of a ring; answers 4.00 for anything else. */
enum since { SINCE_ABSENT, SINCE_ALL, SINCE_NUMBER, SINCE_BAD };
enum since since_of_query(const struct coap_request *request, struct coap_response *response,
                          uint32_t *number);

#endif
