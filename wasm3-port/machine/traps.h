/* wasm3's sentences for the traps, without wasm3's headers. */
#ifndef WASMOTE_MACHINE_TRAPS_H
#define WASMOTE_MACHINE_TRAPS_H

#include "machine.h"

extern const trap_text m3Err_trapOutOfBoundsMemoryAccess, m3Err_trapDivisionByZero,
    m3Err_trapIntegerOverflow, m3Err_trapIntegerConversion, m3Err_trapIndirectCallTypeMismatch,
    m3Err_trapTableIndexOutOfRange, m3Err_trapTableElementIsNull, m3Err_trapUnreachable,
    m3Err_trapStackOverflow;

#endif
