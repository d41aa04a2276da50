/* What a module may call (wasm3-port/host_api.toml), done by this node. */
#ifndef WASMOTE_GUEST_HOST_H
#define WASMOTE_GUEST_HOST_H

#include "host_api.h"
#include "node/manifest.h"

/* The functions granted by the capabilities; the others are NULL, so that importing them is
 * refused at load. The context of every call is the struct instance. */
struct host_api guest_host_api(uint32_t capabilities);

#endif
