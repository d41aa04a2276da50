/* Between runtime_load.c and runtime_run.c. */
#ifndef WASMOTE_RUNTIME_CALL_H
#define WASMOTE_RUNTIME_CALL_H

#include "runtime.h"
#include "text.h"

/* Asks wasmote_buffer for `size` bytes; the address is checked against linear memory. */
wm_status runtime_ask_buffer(struct runtime *rt, uint32_t size, uint32_t *address, struct text *why);

#endif
