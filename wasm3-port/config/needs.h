/* From what it is computed how much of the arena a module will hold: runtime_needs.c does so on a node
 * before it builds anything, and host/wasmote/build/ram.py by the same numbers, which
 * tools/gen_limits.py reads from here. */
#ifndef WASMOTE_NEEDS_H
#define WASMOTE_NEEDS_H

#define NEEDS_BLOCK_BYTES 8 /* the arena's header, and on average as much again for rounding up */

/* Compiled code beside the Wasm it comes from: measured 1.9 to 2.9 words of 4 bytes for every 4 bytes
 * (build/bench/engine.json), and the beginning and end of each function. */
#define NEEDS_CODE_NUMERATOR 16
#define NEEDS_CODE_DENOMINATOR 20
#define NEEDS_FUNCTION_CELLS 8

/* Bytes of what wasm3 keeps: type, on 32 bits as every board, on 64 bits as the native one. */
#define NEEDS_SIZES(SIZE)                                                                               \
    SIZE(M3Environment, 24, 48)                                                                         \
    SIZE(M3FuncType, 8, 16)                                                                             \
    SIZE(M3Runtime, 108, 200)                                                                           \
    SIZE(M3Module, 96, 160)                                                                             \
    SIZE(M3MemoryHeader, 12, 24)                                                                        \
    SIZE(M3Function, 56, 96)                                                                            \
    SIZE(M3Global, 32, 48)                                                                              \
    SIZE(M3DataSegment, 20, 32)                                                                         \
    SIZE(IM3FuncType, 4, 8)                                                                             \
    SIZE(IM3Function, 4, 8)                                                                             \
    SIZE(cell, 4, 8)

#endif
