/* From a path to the resource that serves it. */
#ifndef WASMOTE_COAP_ROUTE_H
#define WASMOTE_COAP_ROUTE_H

#include "config.h"
#include "net/coap_server.h"

#define COAP_WILD_MAX 2

struct coap_route {
    const struct coap_resource *resource;
    const char *wild[COAP_WILD_MAX];  /* into segments */
    char segments[COAP_PATH_MAX + 1]; /* the path, cut behind each segment that matched '*' */
};

/* Whether path (at most COAP_PATH_MAX bytes) is one that the resource serves; fills route if so. */
bool coap_route_match(struct coap_route *route, const struct coap_resource *resource, const char *path);

#endif
