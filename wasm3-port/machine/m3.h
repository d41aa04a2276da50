/* wasm3's internals with the port's settings. */
#ifndef WASMOTE_MACHINE_M3_H
#define WASMOTE_MACHINE_M3_H

#include "config/wasm3_config.h"

#include "m3_env.h"

#endif
