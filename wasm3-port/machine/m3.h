/* wasm3's internals with the port's settings. */
#ifndef WASMOTE_MACHINE_M3_H
#define WASMOTE_MACHINE_M3_H

#include "config/wasm3_config.h"

#include "m3_env.h"

/* Slots of a value, c_m3Type_x or the same VALUE_x. */
static inline unsigned slots_of(uint8_t type) {
    return type == c_m3Type_i64 || type == c_m3Type_f64 ? 2 : 1;
}

static inline unsigned slots_of_all(const uint8_t *types, uint32_t count) {
    unsigned slots = 0;
    for (uint32_t i = 0; i < count; i++) {
        slots += slots_of(types[i]);
    }
    return slots;
}

/* The code of the table's element, if it is a function of this type. Or NULL, and why. */
static inline const cell *find_in_table(const struct machine *machine, uint32_t index, const void *type,
                                        trap_text *why) {
    const M3Module *module = machine->runtime->modules;
    if (index >= module->table0Size) {
        *why = m3Err_trapTableIndexOutOfRange;
        return NULL;
    }
    const M3Function *function = module->table0[index];
    if (function == NULL) {
        *why = m3Err_trapTableElementIsNull;
        return NULL;
    }
    if (function->funcType != type) {
        *why = m3Err_trapIndirectCallTypeMismatch;
        return NULL;
    }
    return (const cell *)(const void *)function->compiled;
}

/* Where a frame's link is: behind parameters or results, whichever take more slots. */
static inline unsigned link_slot_of(const M3FuncType *type) {
    const unsigned results = slots_of_all(type->types, type->numRets);
    const unsigned parameters = slots_of_all(type->types + type->numRets, type->numArgs);
    return results > parameters ? results : parameters;
}

#endif
