/* The simulator's board: sizes that keep a run short, the rest are the firmware's. */
#ifndef BOARD_CONFIG_H
#define BOARD_CONFIG_H
#define BOARD_NAME "powercut"
#define MODULE_BANK_BYTES 4096
#define STORE_COUNTERS_MAX 4
#endif
