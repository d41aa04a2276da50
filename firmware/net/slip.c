#include "net/slip.h"

void slip_decoder_init(struct slip_decoder *decoder, uint8_t *bytes, size_t cap) {
    *decoder = (struct slip_decoder){.bytes = bytes, .cap = cap, .state = SLIP_READING};
}

static void restart(struct slip_decoder *decoder, enum slip_state state) {
    decoder->len = 0;
    decoder->state = state;
}

static enum slip_result keep(struct slip_decoder *decoder, uint8_t byte) {
    if (decoder->len == decoder->cap) {
        restart(decoder, SLIP_SKIPPING);
        return SLIP_OVERSIZE;
    }
    decoder->bytes[decoder->len++] = byte;
    decoder->state = SLIP_READING;
    return SLIP_MORE;
}

static enum slip_result on_reading(struct slip_decoder *decoder, uint8_t byte) {
    if (byte == SLIP_ESC) {
        decoder->state = SLIP_ESCAPED;
        return SLIP_MORE;
    }
    return keep(decoder, byte);
}

static enum slip_result on_escaped(struct slip_decoder *decoder, uint8_t byte) {
    switch (byte) {
    case SLIP_ESC_END:
        return keep(decoder, SLIP_END);
    case SLIP_ESC_ESC:
        return keep(decoder, SLIP_ESC);
    default:
        restart(decoder, SLIP_SKIPPING);
        return SLIP_BAD_ESCAPE;
    }
}

static enum slip_result on_end(struct slip_decoder *decoder) {
    enum slip_state was = decoder->state;
    decoder->state = SLIP_READING;
    if (was == SLIP_ESCAPED) {
        decoder->len = 0;
        return SLIP_ABORTED;
    }
    return decoder->len > 0 ? SLIP_FRAME : SLIP_MORE;
}

enum slip_result slip_decode(struct slip_decoder *decoder, uint8_t byte) {
    if (decoder->complete) {
        decoder->complete = false;
        decoder->len = 0;
    }
    if (byte == SLIP_END) {
        enum slip_result result = on_end(decoder);
        decoder->complete = result == SLIP_FRAME;
        return result;
    }
    switch (decoder->state) {
    case SLIP_READING:
        return on_reading(decoder, byte);
    case SLIP_ESCAPED:
        return on_escaped(decoder, byte);
    case SLIP_SKIPPING:
    default:
        return SLIP_MORE;
    }
}

void slip_encoder_init(struct slip_encoder *encoder, const uint8_t *bytes, size_t len) {
    *encoder = (struct slip_encoder){.bytes = bytes, .len = len};
}

bool slip_encoder_done(const struct slip_encoder *encoder) {
    return encoder->ends == 2;
}

/* The next byte on the line; the END in front flushes what noise left at the receiver. */
static uint8_t next_byte(struct slip_encoder *encoder) {
    if (encoder->escape != 0) {
        uint8_t second = encoder->escape;
        encoder->escape = 0;
        return second;
    }
    if (encoder->ends == 0 || encoder->at == encoder->len) {
        encoder->ends++;
        return SLIP_END;
    }
    uint8_t byte = encoder->bytes[encoder->at++];
    if (byte == SLIP_END || byte == SLIP_ESC) {
        encoder->escape = byte == SLIP_END ? SLIP_ESC_END : SLIP_ESC_ESC;
        return SLIP_ESC;
    }
    return byte;
}

size_t slip_encode(struct slip_encoder *encoder, uint8_t *out, size_t cap) {
    size_t written = 0;
    while (written < cap && !slip_encoder_done(encoder)) {
        out[written++] = next_byte(encoder);
    }
    return written;
}

size_t slip_encoded_len(const uint8_t *bytes, size_t len) {
    size_t encoded = len + 2;
    for (size_t i = 0; i < len; i++) {
        encoded += bytes[i] == SLIP_END || bytes[i] == SLIP_ESC;
    }
    return encoded;
}
