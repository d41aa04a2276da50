/* A board for unit tests: the limits are the firmware's defaults. */
#ifndef BOARD_CONFIG_H
#define BOARD_CONFIG_H
#define WASMOTE_VERSION "test"
#define BOARD_NAME "testboard"
#define BOARD_CPU "testcpu"
#define BOARD_NET 1
#define BOARD_INJECTION 1
#define TRACE_RING_BYTES 4096
#endif
