/* The native board's parts: options and restart (start.c), pseudo-terminal (pty.c), UDP (udp.c), the
 * alarm (alarm.c). */
#ifndef WASMOTE_NATIVE_H
#define WASMOTE_NATIVE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "hal.h"

struct native_options {
    uint8_t id[16];
    size_t id_len;
    int udp_port; /* -1: no UDP, 0: any free port */
    bool pty;
    const char *flash; /* a file; NULL: one that ends with the process */
    bool without_modules;
    uint64_t clock_us;               /* where hal_now_us() starts */
    const char *key[STORE_KEYS_MAX]; /* files; NULL behind the last */
};
extern struct native_options native_options;

/* File descriptors that outlive a reset; -1 where there is none. */
struct native_files {
    int pty_master;
    int pty_slave;
    int udp;
    int flash;
};
extern struct native_files native_files;

/* True when this is a restart by hal_reset() or the watchdog: the files are open already. */
bool native_is_restart(void);

/* Notes the open files for a restart; once, when all are open. */
void native_prepare_restart(void);

/* Executes the program again, as a reset would; keeps native_files. Async-signal-safe. */
_Noreturn void native_restart(hal_reset_cause cause);

/* Ends the process with a message on stderr and status 1. */
_Noreturn void native_die(const char *what) __attribute__((cold));

/* Opens the pty and returns the path of its slave end. */
const char *native_pty_open(void);
/* What to poll for now. */
short native_pty_events(void);
/* Moves bytes both ways; true when the loop should look: bytes came, or room appeared. */
bool native_pty_pump(bool readable);
/* When the transmit side must be looked at again at the latest; UINT64_MAX when it need not. */
uint64_t native_pty_deadline_us(void);

/* Makes the alarm's timer; and for when the alarm is set. */
void native_alarm_start(void);
uint64_t native_alarm_us(void);

/* Opens the flash's file and maps it, with the keys of the options in it. */
void native_flash_open(void);

/* What the area of keys begins with on a board that was flashed with the keys of the options; ones
 * without any. Ends the process where a file holds none. */
#define NATIVE_KEYS_BYTES (64 * STORE_KEYS_MAX)
void native_keys_area(uint8_t area[NATIVE_KEYS_BYTES]);

/* Opens the socket; returns the port. */
int native_udp_open(int port);

#endif
