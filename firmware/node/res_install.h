/* Installing over CoAP: the PUT of /modules/N. */
#ifndef WASMOTE_RES_INSTALL_H
#define WASMOTE_RES_INSTALL_H

#include "net/coap_server.h"

/* One block of a bundle. */
void install(int index, const struct coap_request *request, struct coap_response *response);

/* Whether this is the head of a bundle that may be installed, whole. */
bool install_proves(const uint8_t *first, size_t len);

/* Ends an upload to the slot, also one of which the first block waits for a bank. */
void install_abandon(int index);

#endif
