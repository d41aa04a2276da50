/* Into the machine, and out of it to the host. */
#include "engine.h"
#include "handlers.h"
#include "m3.h"
#include "traps.h"

/* Parameters and results of an import together. */
#define HOST_VALUES_MAX 16

/* 64-bit words to slots and back, as these types say; the slots taken. */
static unsigned words_to_slots(slot *to, const uint64_t *from, const uint8_t *types, unsigned count) {
    slot *at = to;
    for (unsigned i = 0; i < count; i++) {
        *at++ = (uint32_t)from[i];
        if (slots_of(types[i]) == 2) {
            *at++ = (uint32_t)(from[i] >> 32);
        }
    }
    return (unsigned)(at - to);
}

static unsigned slots_to_words(uint64_t *to, const slot *from, const uint8_t *types, unsigned count) {
    const slot *at = from;
    for (unsigned i = 0; i < count; i++) {
        to[i] = *at++;
        if (slots_of(types[i]) == 2) {
            to[i] |= (uint64_t)*at++ << 32;
        }
    }
    return (unsigned)(at - from);
}

/* ---- out: imports ------------------------------------------------------------------------------- */

struct host_link {
    cell operation, link;
    M3RawCall call;
    M3Function *function;
    void *userdata;
};

trap_text machine_link(struct M3Function *function, const void *call, const void *userdata) {
    const M3FuncType *type = function->funcType;
    if (type->numRets + type->numArgs > HOST_VALUES_MAX) {
        return "a host function has too many parameters";
    }
    struct host_link *link = m3_AllocStruct(struct host_link);
    if (link == NULL) {
        return m3Err_mallocFailed;
    }
    *link = (struct host_link){.operation = (cell)machine_handlers[OP_host_call],
                               .link = link_slot_of(type) * sizeof(slot),
                               .function = function,
                               .userdata = (void *)(uintptr_t)userdata};
    memcpy(&link->call, &call, sizeof link->call);
    function->compiled = (pc_t)(const void *)link;
    return NULL;
}

void machine_unlink(struct M3Function *function) {
    if (function->wasm == NULL) {
        m3_FreeImpl((void *)(uintptr_t)function->compiled);
        function->compiled = NULL;
    }
}

/* wasm3's convention: results first, then parameters, 64 bits each. */
trap_text machine_call_host(const cell *at, slot *frame, struct machine *machine) {
    const struct host_link *link = (const struct host_link *)(const void *)(at - 1);
    const M3FuncType *type = link->function->funcType;
    M3ImportContext context = {.userdata = link->userdata, .function = link->function};
    uint64_t values[HOST_VALUES_MAX] = {0};
    (void)slots_to_words(values + type->numRets, frame, type->types + type->numRets, type->numArgs);
    const trap_text trap = link->call(machine->runtime, &context, values, machine->memory);
    if (trap == NULL) {
        (void)words_to_slots(frame, values, type->types, type->numRets);
    }
    return trap;
}

const cell *machine_table_call(uint32_t index, const void *type, struct machine *machine,
                               trap_text *why) {
    return find_in_table(machine, index, type, why);
}

/* ---- in ----------------------------------------------------------------------------------------- */

trap_text machine_call(struct M3Function *function, const uint64_t *args, uint64_t *results) {
    static const handler leave_machine[1] = {op_leave_machine};
    const M3FuncType *type = function->funcType;
    struct M3Runtime *runtime = function->module->runtime;
    slot *frame = runtime->stack;
    const unsigned link_slot = link_slot_of(type);
    const struct frame_link link = {.pc = (const cell *)(const void *)leave_machine, .frame = frame};
    if (frame + link_slot + LINK_SLOTS > runtime->machine.stack_end) {
        return m3Err_trapStackOverflow;
    }
    (void)words_to_slots(frame, args, type->types + type->numRets, type->numArgs);
    memcpy(frame + link_slot, &link, sizeof link);
    const trap_text trap =
        machine_enter((const cell *)(const void *)function->compiled, frame, &runtime->machine);
    if (trap == NULL) {
        (void)slots_to_words(results, frame, type->types, type->numRets);
    }
    return trap;
}
