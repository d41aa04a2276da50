/* The machine that runs compiled Wasm: one for each live module, inside wasm3's M3Runtime. It takes the
 * place of wasm3 0.5.0's compiler and operations (m3_compile, m3_exec, m3_code, m3_emit); wasm3 parses
 * the module and keeps its functions, globals, table and memory. README.md tells how it works. */
#ifndef WASMOTE_MACHINE_H
#define WASMOTE_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* A word of compiled code: the handler of an operation, or one of its operands. */
typedef uintptr_t cell;

/* A frame is an array of these; 64-bit values take two, the low half first. */
typedef uint32_t slot;

/* Why a trap: one of wasm3's m3Err_trap sentences, or NULL. */
typedef const char *trap_text;

/* Units of fuel between two looks at the clock, at most. A call and a turn of a loop burn one, mostly 50
 * to 100 cycles: a look every 0.1 to 0.2 ms on a Cortex-M at 168 MHz. engine.c gives fewer when little
 * time is left. */
#ifndef MACHINE_FUEL
#define MACHINE_FUEL 256
#endif

/* What may be run on one unit: so many operations of one register, or fewer of those that take longer.
 */
#define MACHINE_STRETCH 256

/* Bytes that memory.copy and memory.fill move on one unit. */
#define MACHINE_BULK 1024

struct M3Function;
struct M3Module;
struct M3Runtime;

/* Its first two members are known to thumb2.S. */
struct machine {
    slot *stack_end; /* no frame may reach beyond */
    int32_t fuel;    /* what is left when a C function is called */
    uint8_t *memory; /* linear memory, NULL while there is none */
    uint32_t memory_bytes;
    struct M3Runtime *runtime;
    cell *code; /* of all functions, and behind it `marks` */
    uint32_t code_cells;
    trap_text trap; /* of a call through the table */
    uint32_t marks; /* cells that hold an address in linear memory, if that can grow */
};

/* What can go wrong when compiling a module that is valid. */
enum machine_fault {
    MACHINE_OK,
    MACHINE_NO_MEMORY,      /* the arena has no room for the code */
    MACHINE_FRAME_TOO_LARGE /* a function's locals and operands take more than 64 KiB */
};

/* Bounds that the validator has established for all functions of a module. */
struct machine_needs {
    uint32_t operands; /* most operands on the stack at a time */
    uint32_t blocks;   /* deepest nesting, the function itself included */
    uint32_t locals;   /* most locals, parameters included */
    int memory_grows;  /* whether any function has memory.grow */
};

/* Compiles every function of a module that has been validated, linked and given its memory. */
enum machine_fault machine_compile(struct M3Module *module, const struct machine_needs *needs);
void machine_free_code(struct machine *machine);

/* Lets an import run `call` (wasm3's M3RawCall). NULL, or wasm3's words for lack of memory. */
trap_text machine_link(struct M3Function *function, const void *call, const void *userdata);
void machine_unlink(struct M3Function *function);

/* Runs a function to its end or to a trap. args, results: 64-bit each, smaller types in the low bits. */
trap_text machine_call(struct M3Function *function, const uint64_t *args, uint64_t *results);

/* After linear memory has been given, or has moved or grown: code that holds its address is mended. */
void machine_set_memory(struct machine *machine, uint8_t *memory, uint32_t bytes);

/* Sets the fuel anew: NULL, or the trap when the time is up. The port provides it (engine.c). */
trap_text machine_refuel(struct machine *machine);

#endif
