#ifndef WASMOTE_CORTEX_M_FAULT_H
#define WASMOTE_CORTEX_M_FAULT_H

/* The handler of every fault and of every interrupt that nobody handles: reports it and resets. */
void fault_handler(void);

#endif
