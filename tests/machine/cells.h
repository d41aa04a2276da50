/* Which cells follow an operation. */
#ifndef CELLS_H
#define CELLS_H

#include "operations.h"

#define CELLS_OF_OPERATION 16

extern const char *const operation_names[OPERATION_COUNT];

/* A letter each: s d a slot, c a constant, n a shift's count, t a target, p a place in memory, b m base
 * and bound, l the length of a table, i an index' type, f r k a function's code, frame and link, L the
 * link of op_leave, 1 2 3 a function of 64-bit integers, o a slow operation, h a host link, z three for
 * op_entry. */
void cells_of(const char *name, char cells[CELLS_OF_OPERATION]);

#endif
