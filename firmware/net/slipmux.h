/* slipmux (draft-bormann-t2trg-slipmux): the kinds of frame on a SLIP line, and the checksum. */
#ifndef WASMOTE_SLIPMUX_H
#define WASMOTE_SLIPMUX_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "net/slip.h"

enum { SLIPMUX_DIAGNOSTICS = 0x0A, SLIPMUX_COAP = 0xA9 };

#define SLIPMUX_OVERHEAD 3 /* kind and FCS-16 */
#define SLIPMUX_FRAME_MAX (COAP_PDU_MAX + SLIPMUX_OVERHEAD)

/* Frames that were dropped, by cause. */
struct slipmux_counters {
    uint32_t bad_escape;
    uint32_t aborted;
    uint32_t oversize;
    uint32_t bad_fcs; /* too short for an FCS counts here */
    uint32_t unknown_kind;
};

struct slipmux {
    struct slip_decoder slip;
    struct slipmux_counters dropped;
    uint8_t frame[SLIPMUX_FRAME_MAX];
};

enum slipmux_result {
    SLIPMUX_MORE,
    SLIPMUX_MESSAGE, /* a CoAP message: *content, *len; valid until the next byte */
    SLIPMUX_TEXT,    /* diagnostics of the other side, likewise */
    SLIPMUX_DROPPED  /* a frame was dropped and counted */
};

void slipmux_init(struct slipmux *mux);
enum slipmux_result slipmux_receive(struct slipmux *mux, uint8_t byte, const uint8_t **content,
                                    size_t *len);

/* Build a frame for slip_encoder; return its length, or 0 when it does not fit in cap. */
size_t slipmux_put_message(uint8_t *frame, size_t cap, const uint8_t *message, size_t len);
size_t slipmux_put_text(uint8_t *frame, size_t cap, const char *text, size_t len);

/* FCS-16 of RFC 1662 appendix C.2, complemented as it is sent (low byte first). */
uint16_t slipmux_fcs(const uint8_t *bytes, size_t len);

#endif
