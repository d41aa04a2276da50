/* A small node for tests of the whole CoAP stack: resources of every kind, and what their handlers saw.
 */
#ifndef COAP_SITE_H
#define COAP_SITE_H

#include "cmocka_all.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "coap_client.h"

extern struct site {
    char seen[256]; /* what the last handler saw */
    unsigned runs;  /* handlers run */
    unsigned version;
    size_t big_len;
    uint8_t stored[5000];
    size_t stored_len;
    char abandoned[64];
    uint8_t control_code;
} site;

int fresh(void **state); /* a cmocka set-up: the node has just started */

#define GET(...) client_ask(&(struct ask){.method = COAP_GET, __VA_ARGS__})
#define PUT(...) client_ask(&(struct ask){.method = COAP_PUT, __VA_ARGS__})
#define POST(...) client_ask(&(struct ask){.method = COAP_POST, __VA_ARGS__})
#define OBSERVE(...) GET(.observe = 1 + 0, __VA_ARGS__)

uint8_t big_byte(size_t at); /* of the body of /big */

void assert_code(const struct answer *answer, uint8_t code);
void assert_payload(const struct answer *answer, const char *text);
void assert_silence(uint8_t peer);
bool payload_holds(const struct answer *answer, const char *text);
void assert_slice(const struct answer *answer, size_t offset, size_t len); /* of the body of /big */

#endif
