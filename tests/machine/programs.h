/* Short programs, of cells. */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include "run.h"

/* One around an operation, for an implementation with these handlers. */
const cell *make_program(enum operation_number number, const handler *with);
/* A loop of many turns that calls C and another function in each. */
const cell *make_loop(const handler *with);
/* The function that goes with the program, for the table. */
extern const cell *callee;

#endif
