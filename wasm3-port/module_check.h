/* Is a valid module one for this node? It imports only what is offered, exports what the host API asks
 * for, its memory has pages of 16 KiB, memory, table and segments fit. That it is valid at all was seen
 * before: validate.h. */
#ifndef WASMOTE_MODULE_CHECK_H
#define WASMOTE_MODULE_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "host_api.h"
#include "text.h"
#include "wasm_reader.h"

#define MODULE_NO_FUNCTION UINT32_MAX

struct module_facts {
    uint32_t memory_pages;               /* initial size, 16 KiB pages */
    uint32_t table_size;                 /* of the function table */
    uint32_t function_imports;           /* the indices below this are imports */
    uint32_t exports[HOST_EXPORT_COUNT]; /* function index of each host_exports[], or none */
};

/* What a module finds around it. */
struct module_surroundings {
    bool (*offers)(const void *context, struct wasm_name module, struct wasm_name name);
    const void *context; /* for offers() */
    bool guest_abi;      /* it must export its memory and the functions that the host API asks for */
};

/* wasm: valid. memory_limit: most pages the node grants. WM_OK, or WM_EINVAL (an export is missing, a
 * segment lies outside), WM_ENOENT (unknown import), WM_ENOMEM (memory or table over the limit),
 * WM_ENOTSUP (other pages), with a sentence in why. */
wm_status module_check(const uint8_t *wasm, size_t len, uint32_t memory_limit,
                       const struct module_surroundings *around, struct module_facts *facts,
                       struct text *why);

#endif
