/* What the operations call: C, and functions in a table. Every one looks at the native stack. */
#ifndef CALLEES_H
#define CALLEES_H

#include "run.h"

extern uintptr_t stack_start; /* where main's begins */
extern bool stack_is_wrong;

/* What a runtime has in its table: this function, but for some elements that are empty or of another
 * type. */
void fill_table(const cell *callee);
extern const void *const type_in_table; /* the function's */
extern struct M3Runtime runtime;

trap_text slow(slot *frame, const cell *cells, struct machine *machine);
trap_text keep_fuel(slot *frame, const cell *cells, struct machine *machine);
uint64_t swap_halves(uint64_t a);
uint64_t mix(uint64_t a, uint64_t b);
uint32_t is_less(uint64_t a, uint64_t b);

#endif
