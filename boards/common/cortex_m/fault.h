/* CPU faults: a line of text in RAM that survives the reset which follows. */
#ifndef WASMOTE_CORTEX_M_FAULT_H
#define WASMOTE_CORTEX_M_FAULT_H

/* Looks for the text of a fault before this reset; once, in hal_init(). NULL without one. */
const char *fault_take(void);

/* The handler of every fault and of every interrupt that nobody handles. */
void fault_handler(void);

#endif
