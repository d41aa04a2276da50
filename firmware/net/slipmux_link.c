/* slipmux on the serial line: hal_uart bytes <-> CoAP messages.
 *
 * Out: one frame at a time is encoded straight into the transmit ring as room appears, so a frame
 * may be longer than the ring. In: a slice of bytes per turn of the loop, so a fast sender cannot
 * keep timers waiting; nothing is read while the message layer cannot answer, which leaves the
 * bytes in the receive ring. */
#include "net/link.h"

#include "core/loop.h"
#include "net/slipmux.h"

static struct slipmux mux;
static uint8_t out_frame[SLIPMUX_FRAME_MAX];
static struct slip_encoder out;
static bool out_refused; /* a send() was answered WM_EAGAIN since the last frame was out */

static uint8_t in_bytes[64];
static size_t in_len, in_at;

/* Moves what fits of the current frame into the transmit ring. */
static void drain(void) {
    uint8_t chunk[64];
    while (!slip_encoder_done(&out)) {
        size_t space = hal_uart_write_space();
        size_t len = slip_encode(&out, chunk, space < sizeof chunk ? space : sizeof chunk);
        if (len == 0) {
            return;
        }
        hal_uart_write(chunk, len);
    }
}

static wm_status link_send(const struct coap_peer *peer, const uint8_t *message, size_t len) {
    (void)peer;
    if (!slip_encoder_done(&out)) {
        out_refused = true;
        return WM_EAGAIN;
    }
    size_t framed = slipmux_put_message(out_frame, sizeof out_frame, message, len);
    if (framed == 0) {
        return WM_EINVAL;
    }
    slip_encoder_init(&out, out_frame, framed);
    drain();
    return WM_OK;
}

static bool link_has_room(void) {
    out_refused |= !slip_encoder_done(&out);
    return slip_encoder_done(&out);
}

/* A datagram has left when it was sent; a response that waits for room keeps the message layer busy. */
bool link_is_idle(void) {
    return link_ready() && slip_encoder_done(&out) && hal_uart_is_idle();
}

static const struct link serial_link = {"slipmux", link_send, link_has_room, true};
static const struct coap_peer serial_peer = {.link = &serial_link};

/* Unlike a CoAP message, a diagnostic never waits: it would delay the answers behind it. */
void slipmux_link_diagnostic(const char *text, size_t len) {
    if (!slip_encoder_done(&out)) {
        return;
    }
    size_t framed = slipmux_put_text(out_frame, sizeof out_frame, text, len);
    if (framed == 0 || slip_encoded_len(out_frame, framed) > hal_uart_write_space()) {
        return;
    }
    slip_encoder_init(&out, out_frame, framed);
    drain();
}

static void take(uint8_t byte) {
    const uint8_t *content;
    size_t len;
    switch (slipmux_receive(&mux, byte, &content, &len)) {
    case SLIPMUX_MESSAGE:
        link_deliver(&serial_peer, content, len);
        break;
    case SLIPMUX_DROPPED:
        link_count_frame_dropped();
        break;
    case SLIPMUX_TEXT: /* a person at a terminal: nothing here listens */
    case SLIPMUX_MORE:
        break;
    }
}

static void read_some(void) {
    if (in_at == in_len) {
        in_at = 0;
        in_len = hal_uart_read(in_bytes, sizeof in_bytes);
    }
    while (in_at < in_len && link_ready()) {
        take(in_bytes[in_at++]);
    }
    if (in_len > 0 && link_ready()) {
        loop_post(EVENT_UART); /* there may be more */
    }
}

static void on_uart(void) {
    drain();
    if (out_refused && slip_encoder_done(&out)) {
        out_refused = false;
        link_room();
    }
    if (link_ready()) {
        read_some();
    }
}

void slipmux_link_start(void) {
    slipmux_init(&mux);
    out = (struct slip_encoder){.ends = 2};
    out_refused = false;
    in_at = in_len = 0;
    loop_on(EVENT_UART, on_uart);
    loop_post(EVENT_UART); /* bytes may have come before this */
}
