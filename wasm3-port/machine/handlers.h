/* The handlers of the operations: C functions in portable.c, or labels in an assembler file. */
#ifndef WASMOTE_MACHINE_HANDLERS_H
#define WASMOTE_MACHINE_HANDLERS_H

#include "frame.h"
#include "operations.h"

/* The state of the machine while it runs: where the code goes on, the frame, the integer and the
 * float register, and the fuel left. What a handler returns ends the run. */
#define HANDLER_PARAMETERS                                                                              \
    const cell *pc, slot *frame, struct machine *machine, uint32_t r, int32_t fuel, float f
typedef trap_text (*handler)(HANDLER_PARAMETERS);

#define DECLARE(name) trap_text op_##name(HANDLER_PARAMETERS);
OPERATIONS(DECLARE)
#undef DECLARE

extern const handler machine_handlers[OPERATION_COUNT];

/* Runs from pc on, in this frame, until op_leave_machine or a trap. */
trap_text machine_enter(const cell *pc, slot *frame, struct machine *machine);

/* What handlers leave to C (call.c). */
struct host_link; /* what op_host_call's cells are */
trap_text machine_call_host(const cell *at, slot *frame, struct machine *machine);

/* The function of the table's element `index`, of this type, or NULL and the trap in *why. */
const cell *machine_table_call(uint32_t index, const void *type, struct machine *machine,
                               trap_text *why);

#endif
