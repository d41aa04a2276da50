/* wasm3's settings, for its own files (-include) and for ours that see its internals. What they
 * cost was measured on a Cortex-M4F. */
#ifndef WASMOTE_WASM3_CONFIG_H
#define WASMOTE_WASM3_CONFIG_H

/* The port provides m3_Malloc & co. over wasm3-port/arena.c (patch 0002). */
#define d_m3ExternalHeap 1

/* Names a function may be exported by. The port resolves exports itself (module_check.c). */
#define d_m3MaxDuplicateFunctionImpl 1

/* Error messages come from the port; wasm3's need vsnprintf and 256 bytes a module. */
#define d_m3VerboseErrorMessages 0

/* Most pages a memory may have: 16 MiB of 16 KiB pages, so that a size in bytes fits 32 bits. */
#define d_m3MaxLinearMemoryPages 1024

#endif
