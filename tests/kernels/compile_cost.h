/* What compiling a module takes, apart from the rest of loading it. */
#ifndef WASMOTE_COMPILE_COST_H
#define WASMOTE_COMPILE_COST_H

#include <stdint.h>

extern uint32_t compile_instructions; /* of the last module */

#endif
