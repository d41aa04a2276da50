/* SLIP and slipmux: the byte machine against a reference that looks at the whole line at once, and
 * every content there and back. */
#include "fuzz.h"

#include <string.h>

#include "core/bytes.h"
#include "net/slipmux.h"

/* ---- reference: what one run of bytes between two ENDs is -------------------------------- */

struct outcome {
    enum slipmux_result result;
    size_t len;
    uint8_t frame[SLIPMUX_FRAME_MAX];
};

static bool unescaped(const uint8_t *raw, size_t len, struct outcome *out) {
    out->len = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = raw[i];
        if (byte == SLIP_ESC) {
            if (++i == len || (raw[i] != SLIP_ESC_END && raw[i] != SLIP_ESC_ESC)) {
                return false;
            }
            byte = raw[i] == SLIP_ESC_END ? SLIP_END : SLIP_ESC;
        }
        if (out->len == sizeof out->frame) {
            return false;
        }
        out->frame[out->len++] = byte;
    }
    return true;
}

static enum slipmux_result judged(const struct outcome *frame) {
    if (frame->len == 0) {
        return SLIPMUX_MORE;
    }
    if (frame->frame[0] == SLIPMUX_DIAGNOSTICS) {
        return SLIPMUX_TEXT;
    }
    size_t content = frame->len - 2;
    bool whole = frame->frame[0] == SLIPMUX_COAP && frame->len >= SLIPMUX_OVERHEAD &&
                 slipmux_fcs(frame->frame, content) == get_le16(frame->frame + content);
    return whole ? SLIPMUX_MESSAGE : SLIPMUX_DROPPED;
}

static struct outcome expected(const uint8_t *raw, size_t len) {
    struct outcome out;
    out.result = unescaped(raw, len, &out) ? judged(&out) : SLIPMUX_DROPPED;
    return out;
}

/* ---- the byte machine ------------------------------------------------------------------- */

static struct slipmux mux;

/* Feeds one run with its END: at most one thing is reported. */
static enum slipmux_result received(const uint8_t *raw, size_t len, const uint8_t **content,
                                    size_t *content_len) {
    enum slipmux_result reported = SLIPMUX_MORE;
    for (size_t i = 0; i <= len; i++) {
        enum slipmux_result result =
            slipmux_receive(&mux, i < len ? raw[i] : SLIP_END, content, content_len);
        FUZZ_CHECK(mux.slip.len <= sizeof mux.frame);
        FUZZ_CHECK(reported == SLIPMUX_MORE || result == SLIPMUX_MORE);
        reported = result != SLIPMUX_MORE ? result : reported;
    }
    return reported;
}

static void compare(const uint8_t *raw, size_t len) {
    const uint8_t *content = NULL;
    size_t content_len = 0;
    struct outcome wanted = expected(raw, len);
    FUZZ_CHECK(received(raw, len, &content, &content_len) == wanted.result);
    if (wanted.result == SLIPMUX_MESSAGE || wanted.result == SLIPMUX_TEXT) {
        size_t overhead = wanted.result == SLIPMUX_MESSAGE ? SLIPMUX_OVERHEAD : 1;
        FUZZ_CHECK(content_len == wanted.len - overhead);
        FUZZ_CHECK(memcmp(content, wanted.frame + 1, content_len) == 0);
    }
}

static void feed_line(const uint8_t *line, size_t len) {
    while (len > 0) {
        const uint8_t *end = memchr(line, SLIP_END, len);
        size_t run = end != NULL ? (size_t)(end - line) : len;
        compare(line, run);
        line += run + (end != NULL);
        len -= run + (end != NULL);
    }
}

/* ---- there and back --------------------------------------------------------------------- */

static void send_and_receive(const uint8_t *message, size_t len, size_t room) {
    uint8_t frame[SLIPMUX_FRAME_MAX], chunk[64];
    struct slip_encoder encoder;
    const uint8_t *content = NULL;
    size_t content_len = 0, line_len = 0;
    enum slipmux_result result = SLIPMUX_MORE;
    size_t framed = slipmux_put_message(frame, sizeof frame, message, len);
    FUZZ_CHECK((framed > 0) == (len <= COAP_PDU_MAX));
    if (framed == 0) {
        return;
    }
    slip_encoder_init(&encoder, frame, framed);
    while (!slip_encoder_done(&encoder)) {
        size_t written = slip_encode(&encoder, chunk, room);
        line_len += written;
        for (size_t i = 0; i < written; i++) {
            result = slipmux_receive(&mux, chunk[i], &content, &content_len);
        }
    }
    FUZZ_CHECK(line_len == slip_encoded_len(frame, framed));
    FUZZ_CHECK(result == SLIPMUX_MESSAGE && content_len == len);
    FUZZ_CHECK(memcmp(content, message, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, data + size};
    size_t room = 1 + fuzz_u8(&input) % 64;
    slipmux_init(&mux);
    feed_line(input.at, fuzz_left(&input));
    send_and_receive(input.at, fuzz_left(&input), room);
    return 0;
}
