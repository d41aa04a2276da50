/* Is it a valid WebAssembly module (core specification, chapters 3 and 5)? Sections, types, indices and
 * every function body are checked in one pass, by the algorithm of the specification's appendix
 * "Validation Algorithm", without recursion, before anything is built from them. What a node wants of
 * a module beyond that, imports for one, is module_check.h.
 *
 * Taken are Wasm 1.0, multi-value, sign extension, saturating conversions, memory.copy, memory.fill,
 * mutable globals across the border, DataCount, and pages of a custom size. */
#ifndef WASMOTE_VALIDATE_H
#define WASMOTE_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/limits.h"
#include "core/status.h"
#include "text.h"
#include "wasm_reader.h"

/* What the engine may know before it compiles; the maxima are those of the function that needs most. */
struct validate_facts {
    uint32_t functions;        /* imported and defined */
    uint32_t function_imports; /* the indices below this are imports */
    uint32_t code_bytes;       /* of all bodies, locals and code */
    uint32_t locals_max;       /* with parameters */
    uint32_t operands_max;     /* values on the operand stack at a time */
    uint32_t blocks_max;       /* nested, the body itself included */
    bool grows_memory;         /* memory.grow occurs */
    bool asks_memory_size;     /* memory.size occurs */
};

/* A block, or the body itself. */
struct validate_block {
    uint16_t height;  /* of the operand stack beneath its parameters */
    int16_t type;     /* index of a function type, or BLOCK_x of validator.h */
    uint8_t opcode;   /* block, loop, if, else */
    bool unreachable; /* the rest of it is; the operand stack is polymorphic */
};

/* Where validation stands. A refusal is kept in `status`, as a bad read is in `in.bad`: checks go on
 * with harmless values, and whoever loops over items stops at the first that is not validator_ok(). */
struct validator {
    const uint8_t *wasm;
    size_t len;
    struct wasm_reader in;            /* over the section or the body at hand */
    const uint8_t *item;              /* where the entry or the instruction at hand begins */
    struct validate_scratch *scratch; /* which this is a part of */
    struct validate_facts *facts;
    struct text *why;
    struct text unheard; /* takes what follows the first refusal */
    wm_status status;
    uint8_t section;
    bool in_body;

    uint32_t types, tables, memories, globals, global_imports;
    uint32_t bodies; /* seen */
    uint32_t data, announced_data;
    bool announces_data;

    uint32_t function; /* index of the one at hand, if in_body */
    uint32_t code;     /* the instruction's */
    uint32_t locals, operands, blocks;
};

/* Working storage; nothing in it is needed afterwards. */
struct validate_scratch {
    struct validator state;
    uint32_t types[WASM_TYPES_MAX];        /* offset in the module */
    uint8_t functions[WASM_FUNCTIONS_MAX]; /* type index */
    uint8_t globals[WASM_GLOBALS_MAX];     /* enum value_type and flags */
    union {
        uint32_t exports[WASM_EXPORTS_MAX]; /* offset in the module, while their section is read */
        struct {                            /* of the function at hand */
            struct validate_block blocks[WASM_BLOCKS_MAX];
            uint8_t locals[WASM_LOCALS_MAX]; /* enum value_type */
            uint8_t operands[WASM_OPERANDS_MAX];
        };
    };
};

/* WM_OK, and facts is filled in. Or, with a sentence in why that names function or section, byte offset
 * and cause: WM_EINVAL, the module is not valid; WM_ENOTSUP, it uses a feature that the engine lacks;
 * WM_ENOMEM, it is beyond a limit of config/limits.h. wasm is not read beyond len. */
wm_status validate_module(const uint8_t *wasm, size_t len, struct validate_scratch *scratch,
                          struct validate_facts *facts, struct text *why);

#endif
