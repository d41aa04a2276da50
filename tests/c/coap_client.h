/* A CoAP client for tests: requests go in and answers come out as bytes of the serial line or
 * datagrams of the fake HAL, through the whole stack. */
#ifndef COAP_CLIENT_H
#define COAP_CLIENT_H

#include "fake_hal.h"
#include "net/coap_options.h"
#include "net/coap_pdu.h"
#include "net/coap_server.h"

/* Peer 0 is the serial line, others are UDP addresses. */
#define SERIAL 0

struct ask {
    uint8_t peer;
    uint8_t type; /* CON by default */
    uint8_t method;
    uint16_t mid; /* 0 = the next one */
    const char *token;
    const char *path; /* "a/b" */
    const char *query;
    const void *payload;
    size_t len;
    /* Option values + 1, so that 0 means absent. */
    uint32_t observe, format, accept, size1;
    struct coap_block *block1, *block2;
    struct coap_option extra[3]; /* others, in ascending order; number 0 ends them */
};

struct answer {
    bool present;
    struct coap_pdu pdu;
    const uint8_t *bytes; /* valid for the next few answers */
    size_t len;
};

/* A node with both links and this table; forgets everything from before. */
void client_start(const struct coap_resource *table, size_t count);

/* Builds a request; returns its length. */
size_t client_build(const struct ask *ask, uint8_t *out, size_t cap);
/* As it goes over the serial line; returns its length. */
size_t client_frame(const uint8_t *message, size_t len, uint8_t *line, size_t cap);
void client_send(uint8_t peer, const uint8_t *message, size_t len); /* runs the loop */

/* The next message that the node sent to this peer. */
struct answer client_next(uint8_t peer);
struct answer client_ask(const struct ask *ask); /* send and next */

/* An empty ACK or RST for a message of the node. */
void client_reply_empty(uint8_t peer, enum coap_type type, uint16_t mid);

/* Has the node believe that this peer is where its messages come from: it returns an Echo value. */
void client_prove(uint8_t peer);

/* Reads every byte that a handler is given, so that a sanitizer sees each of them. */
void read_request(const struct coap_request *request);

/* The value of an option in an answer, or -1. */
int64_t option_of(const struct answer *answer, uint16_t number);
struct coap_block block_of(const struct answer *answer, uint16_t number);

#endif
