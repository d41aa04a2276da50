/* /.well-known/core (RFC 6690): the list of what exists now. */
#ifndef WASMOTE_COAP_WELLKNOWN_H
#define WASMOTE_COAP_WELLKNOWN_H

#include "net/coap_server.h"

/* Writes the links of the table, those that match the query ("rt=wasmote.*", "href=/out*"; RFC
 * 6690 section 4.1). Ends with the last link that fits whole. */
void coap_wellknown(const struct coap_resource *table, size_t count, const char *query,
                    struct coap_response *response);

#endif
