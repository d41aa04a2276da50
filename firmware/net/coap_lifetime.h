/* For how long a message may still matter (RFC 7252 section 4.8.2). Whatever is remembered of one is
 * forgotten by then: its peer may use the message ID for something else. */
#ifndef WASMOTE_COAP_LIFETIME_H
#define WASMOTE_COAP_LIFETIME_H

#include <stdint.h>

#include "hal.h"
#include "net/coap_pdu.h"

#define COAP_EXCHANGE_LIFETIME_S 247 /* EXCHANGE_LIFETIME: of a CON */
#define COAP_NON_LIFETIME_S 145      /* NON_LIFETIME: of a NON */

/* Whole seconds since the start, in four bytes: they last for 136 years. */
static inline uint32_t coap_now_s(void) {
    return (uint32_t)(hal_now_us() / 1000000);
}

/* When a message that comes or goes now is forgotten: it is remembered while coap_now_s() is less. As
 * this second has begun already, that is never later than it should be. */
static inline uint32_t coap_forget_at_s(enum coap_type type) {
    return coap_now_s() + (type == COAP_CON ? COAP_EXCHANGE_LIFETIME_S : COAP_NON_LIFETIME_S);
}

#endif
