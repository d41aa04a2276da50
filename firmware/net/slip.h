/* SLIP (RFC 1055) as byte machines: a decoder that keeps within its buffer and finds the next
 * frame after any damage, and an encoder that stops and goes on wherever the room ends. */
#ifndef WASMOTE_SLIP_H
#define WASMOTE_SLIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SLIP_END = 0xC0, SLIP_ESC = 0xDB, SLIP_ESC_END = 0xDC, SLIP_ESC_ESC = 0xDD };

enum slip_state {
    SLIP_READING,
    SLIP_ESCAPED, /* an ESC came, its second byte is due */
    SLIP_SKIPPING /* the frame is lost: everything up to the next END is dropped */
};

struct slip_decoder {
    uint8_t *bytes; /* the frame so far */
    size_t cap;
    size_t len;
    enum slip_state state;
    bool complete; /* bytes hold a finished frame: the next byte begins a new one */
};

enum slip_result {
    SLIP_MORE,       /* nothing to report */
    SLIP_FRAME,      /* bytes[0..len) is a whole frame, never empty; valid until the next byte */
    SLIP_BAD_ESCAPE, /* ESC with another byte than ESC_END, ESC_ESC: skipping to the next END */
    SLIP_ABORTED,    /* ESC END: the sender gave this frame up */
    SLIP_OVERSIZE    /* longer than cap: skipping to the next END */
};

void slip_decoder_init(struct slip_decoder *decoder, uint8_t *bytes, size_t cap);

/* Takes one byte. Each fault is reported once, when it is seen. */
enum slip_result slip_decode(struct slip_decoder *decoder, uint8_t byte);

struct slip_encoder {
    const uint8_t *bytes; /* the frame; must stay until slip_encoder_done() */
    size_t len;
    size_t at;
    uint8_t escape; /* second byte of an escape that did not fit yet, or 0 */
    uint8_t ends;   /* ENDs written: before and after the frame */
};

void slip_encoder_init(struct slip_encoder *encoder, const uint8_t *bytes, size_t len);

/* Writes as much of the encoded frame as fits; returns how much. Call until done. */
size_t slip_encode(struct slip_encoder *encoder, uint8_t *out, size_t cap);
bool slip_encoder_done(const struct slip_encoder *encoder);

/* The length of a frame on the line, both ENDs included. */
size_t slip_encoded_len(const uint8_t *bytes, size_t len);

#endif
