/* Holds wasm3 to our rules: its memory comes from the arena, its time and native stack are bounded. */
#ifndef WASMOTE_ENGINE_H
#define WASMOTE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "config/wasm3_config.h"
#include "wasm3.h"

/* Calls and loop back-edges between two looks at the clock; guest_view() asks for one sooner. At 50
 * to 100 cycles each that is a look every 0.1 to 0.2 ms on a Cortex-M at 168 MHz, far below any
 * sensible budget. */
#define ENGINE_FUEL 256

/* Native stack below the limit that wasm3 checks: for the frames between two checks (a host call,
 * one interpreter operation) and for interrupts. */
#ifndef ENGINE_STACK_RESERVE
#define ENGINE_STACK_RESERVE 1536
#endif

extern struct arena engine_arena;
extern const char trap_time_budget[];

/* True once clock and native stack are known: without them a module could not be bounded. */
bool engine_is_ready(void);

/* From here on the guest may run for budget_us. */
void engine_start_budget(uint32_t budget_us);

#endif
