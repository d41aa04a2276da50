/* What the code asks of linear memory beyond loads and stores in bounds. slow_operation, all of them. */
#ifndef WASMOTE_MACHINE_MEMORY_H
#define WASMOTE_MACHINE_MEMORY_H

#include "frame.h"

trap_text machine_memory_size(slot *frame, const cell *at, struct machine *machine); /* result */
trap_text machine_memory_grow(slot *frame, const cell *at, struct machine *machine); /* pages, result */
trap_text machine_memory_copy(slot *frame, const cell *at,
                              struct machine *machine); /* to, from, count */
trap_text machine_memory_fill(slot *frame, const cell *at,
                              struct machine *machine); /* to, byte, count */

/* An access beyond the memory as it was when the code was made. address, offset, opcode, result; the
 * value's slot follows the address of a store. */
trap_text machine_load_checked(slot *frame, const cell *at, struct machine *machine);
trap_text machine_store_checked(slot *frame, const cell *at, struct machine *machine);

/* condition, if not zero, if zero, result */
trap_text machine_select64(slot *frame, const cell *at, struct machine *machine);

#endif
