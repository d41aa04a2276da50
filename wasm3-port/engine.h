/* Holds wasm3 to our rules: its memory comes from the arena, its time and native stack are bounded. */
#ifndef WASMOTE_ENGINE_H
#define WASMOTE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "config/wasm3_config.h"
#include "wasm3.h"

/* Native stack that must be there when a module begins to run: for the machine, for a host call and
 * for interrupts. */
#ifndef ENGINE_STACK_RESERVE
#define ENGINE_STACK_RESERVE 1536
#endif

/* The most that a unit of the machine's fuel takes: MACHINE_STRETCH at 20 cycles and 80 MHz. */
#ifndef ENGINE_UNIT_US
#define ENGINE_UNIT_US 64
#endif

extern struct arena engine_arena;
extern const char trap_time_budget[];

/* True once clock and native stack are known: without them a module could not be bounded. */
bool engine_is_ready(void);

/* From here on the guest may run for budget_us. */
void engine_start_budget(uint32_t budget_us);

bool engine_stack_is_low(void);

/* While the guest waits for its host: the clock is looked at as soon as the guest goes on. */
void engine_look_at_clock(IM3Runtime engine);

#endif
