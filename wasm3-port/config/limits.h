/* The most that a module may have of what the validator keeps account of: unit, and what a step costs.
 * Its working storage (struct validate_scratch, 3.3 KB) is taken from the module arena and given
 * back before the engine is set up, so that none of this adds to what a running module needs.
 * The host checks modules by the same numbers: tools/gen_limits.py reads them from here. */
#ifndef WASMOTE_WASM_LIMITS_H
#define WASMOTE_WASM_LIMITS_H

#ifndef WASM_TYPES_MAX
#define WASM_TYPES_MAX 128 /* function types of a module, at most 256; 4 bytes each */
#endif
#ifndef WASM_PARAMS_MAX
#define WASM_PARAMS_MAX 64 /* parameters of a function type; time only */
#endif
#ifndef WASM_RESULTS_MAX
#define WASM_RESULTS_MAX 16 /* results of a function type; time only */
#endif
#ifndef WASM_FUNCTIONS_MAX
#define WASM_FUNCTIONS_MAX 512 /* functions of a module, imported ones too; 1 byte each */
#endif
#ifndef WASM_GLOBALS_MAX
#define WASM_GLOBALS_MAX 128 /* globals of a module; 1 byte each */
#endif
#ifndef WASM_EXPORTS_MAX
#define WASM_EXPORTS_MAX 512 /* exports of a module; 4 bytes each, in place of what bodies take */
#endif
#ifndef WASM_BODY_MAX
#define WASM_BODY_MAX 65535 /* bytes of one function body; time only: tests/load bounds it */
#endif
#ifndef WASM_LOCALS_MAX
#define WASM_LOCALS_MAX 256 /* locals of a function, its parameters too; 1 byte each */
#endif
#ifndef WASM_OPERANDS_MAX
#define WASM_OPERANDS_MAX 256 /* values on the operand stack of a function; 1 byte each */
#endif
#ifndef WASM_BLOCKS_MAX
#define WASM_BLOCKS_MAX 128 /* nested blocks of a function, its body too; 6 bytes each */
#endif
#ifndef WASM_BR_TABLE_MAX
#define WASM_BR_TABLE_MAX 1024 /* labels of a br_table; 4 bytes each in the compiled code */
#endif

/* What module_check.c and runtime_load.c look at besides. */
#ifndef WASM_TABLE_MAX
#define WASM_TABLE_MAX 1024 /* entries of the function table; 4 bytes each while the module lives */
#endif
#ifndef WASM_STACK_MIN
#define WASM_STACK_MIN 256 /* bytes of operand stack: the arguments of one event and a small frame */
#endif

#endif
