/* The report of a CPU fault: a line of text in RAM that survives the reset which follows. */
#ifndef WASMOTE_BARE_FAULT_RECORD_H
#define WASMOTE_BARE_FAULT_RECORD_H

#include <stdint.h>

/* A fault handler begins a report, adds to it, ends it, and resets. What does not fit is left out. */
void fault_record_begin(const char *name);
void fault_record_add(const char *name, uint32_t value); /* name and eight hexadecimal digits */
void fault_record_end(void);

/* Looks for the text of a fault before this reset; once, in hal_init(). NULL without one. */
const char *fault_take(void);

#endif
