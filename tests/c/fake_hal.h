/* A board that is all under the test's control: time stands until it is moved, bytes and
 * datagrams are put in and taken out, random numbers are the same in every run. */
#ifndef FAKE_HAL_H
#define FAKE_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal.h"

#define FAKE_RING_BYTES 16384

void fake_reset(void); /* time 1 s, empty rings, transmit ring of FAKE_RING_BYTES */

extern bool fake_without_modules; /* the boot escape */

/* ---- time: both run the loop ---- */
void fake_settle(void);              /* until nothing is pending */
void fake_advance_us(uint64_t span); /* every timer on the way fires at its time */
void fake_jump_us(uint64_t span);    /* at once: every timer on the way fires late, the alarm on time */
void fake_stand_still_us(uint64_t span); /* the loop does not turn; the alarm rings on time */

/* ---- serial line ---- */
void fake_uart_put(const void *bytes, size_t len); /* what the other side sends */
size_t fake_uart_take(uint8_t *out, size_t cap);   /* what the node sent; makes room */
size_t fake_uart_sent(void);                       /* bytes waiting to be taken */
void fake_uart_tx_cap(size_t cap);                 /* size of the transmit ring */

/* ---- UDP ---- */
void fake_udp_put(uint8_t peer, const void *bytes, size_t len);
size_t fake_udp_take(uint8_t peer, uint8_t *out, size_t cap); /* 0 = nothing was sent to it */
extern wm_status fake_udp_status;                             /* what hal_udp_send() returns */

#endif
