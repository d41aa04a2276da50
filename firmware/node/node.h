/* The node: everything above the HAL, joined and started. */
#ifndef WASMOTE_NODE_H
#define WASMOTE_NODE_H

void node_start(void);

#endif
