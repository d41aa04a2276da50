/* The serial link: a pseudo-terminal. Ours is the master; a client opens the slave's path.
 *
 * A UART has no flow control: with nobody listening, bytes go nowhere. A pty would keep 4 KB of them
 * and then refuse more, so whatever nobody has read for UNREAD_US is thrown away. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "common/ring.h"
#include "core/loop.h"
#include "native.h"

#define UNREAD_US 1000000u

static uint8_t rx_bytes[4096];
static uint8_t tx_bytes[4096];
static struct ring rx = {.bytes = rx_bytes, .size = sizeof rx_bytes};
static struct ring tx = {.bytes = tx_bytes, .size = sizeof tx_bytes};
static uint64_t blocked_since_us; /* 0: the last write went through */

/* Holding the slave open as well keeps its raw mode, and keeps reads on the master from failing
 * while no client has it open. */
static void open_pair(void) {
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
        native_die("cannot open a pseudo-terminal (is /dev/pts mounted?)");
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    struct termios mode;
    if (slave < 0 || tcgetattr(slave, &mode) < 0)
        native_die("cannot open the pseudo-terminal's slave end");
    cfmakeraw(&mode);
    if (tcsetattr(slave, TCSANOW, &mode) < 0)
        native_die("cannot set the pseudo-terminal to raw mode");
    native_files.pty_master = master;
    native_files.pty_slave = slave;
}

const char *native_pty_open(void) {
    if (native_files.pty_master < 0)
        open_pair();
    return ptsname(native_files.pty_master);
}

short native_pty_events(void) {
    return (short)((ring_space(&rx) ? POLLIN : 0) | (ring_used(&tx) ? POLLOUT : 0));
}

uint64_t native_pty_deadline_us(void) {
    return blocked_since_us ? blocked_since_us + UNREAD_US : UINT64_MAX;
}

static bool receive(void) {
    uint8_t chunk[1024];
    size_t space = ring_space(&rx) < sizeof chunk ? ring_space(&rx) : sizeof chunk;
    ssize_t got = space ? read(native_files.pty_master, chunk, space) : 0;
    if (got <= 0)
        return false;
    ring_write(&rx, chunk, (size_t)got);
    return true;
}

static void note_blocked(void) {
    uint64_t now = hal_now_us();
    if (blocked_since_us == 0)
        blocked_since_us = now ? now : 1;
    else if (now - blocked_since_us >= UNREAD_US)
        tcflush(native_files.pty_slave, TCIFLUSH);
}

static bool transmit(void) {
    bool room = false;
    while (ring_used(&tx)) {
        const uint8_t *run;
        size_t len = ring_peek_run(&tx, &run);
        ssize_t sent = write(native_files.pty_master, run, len);
        if (sent <= 0) {
            note_blocked();
            break;
        }
        ring_drop(&tx, (size_t)sent);
        blocked_since_us = 0;
        room = true;
    }
    return room;
}

bool native_pty_pump(bool readable) {
    bool received = readable && receive();
    return transmit() || received;
}

size_t hal_uart_read(uint8_t *out, size_t cap) {
    return ring_read(&rx, out, cap);
}

size_t hal_uart_write(const uint8_t *bytes, size_t len) {
    if (native_files.pty_master < 0)
        return len; /* --no-pty: an unconnected wire */
    size_t done = ring_write(&tx, bytes, len);
    transmit();
    return done;
}

size_t hal_uart_write_space(void) {
    return ring_space(&tx);
}

bool hal_uart_is_idle(void) {
    return ring_used(&tx) == 0;
}

uint32_t hal_uart_overruns(void) {
    return 0; /* the pty waits for room in the ring */
}
