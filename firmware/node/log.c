#include "node/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "core/cbor.h"
#include "core/utf8.h"
#include "net/coap_server.h"
#include "node/clock.h"

static uint8_t ring_bytes[LOG_RING_BYTES];
static struct record_ring ring;

void log_start(void) {
    record_ring_init(&ring, ring_bytes, sizeof ring_bytes, 0);
}

static void diagnose(enum log_level level, int slot, const char *text, size_t len) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char line[LOG_LINE_MAX + 24];
    int n = slot == LOG_NODE
                ? snprintf(line, sizeof line, "%s: %.*s", names[level], (int)len, text)
                : snprintf(line, sizeof line, "%s: module %d: %.*s", names[level], slot, (int)len, text);
    if (n > 0)
        slipmux_link_diagnostic(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

/* A line of whole characters; what is no UTF-8 becomes '?': a module may log any bytes. */
static size_t clean(const char *text, size_t len, char line[LOG_LINE_MAX]) {
    size_t out = 0;
    while (len) {
        size_t size = utf8_character(text, len);
        size_t step = size ? size : 1;
        if (step > LOG_LINE_MAX - out)
            break;
        memcpy(line + out, size ? text : "?", step);
        out += step;
        text += step;
        len -= step;
    }
    return out;
}

void log_text(enum log_level level, int slot, const char *text, size_t len) {
    uint8_t item[LOG_LINE_MAX + 32];
    char line[LOG_LINE_MAX];
    struct cbor_out out;
    len = clean(text, len, line);
    cbor_out_init(&out, item, sizeof item);
    cbor_put_array(&out, 5);
    cbor_put_uint(&out, ring.next);
    cbor_put_int(&out, clock_now_ms());
    cbor_put_uint(&out, level);
    cbor_put_int(&out, slot);
    cbor_put_textn(&out, line, len);
    record_ring_push(&ring, item, out.len);
    diagnose(level, slot, line, len);
    coap_server_changed("log");
}

void log_line(enum log_level level, int slot, const char *format, ...) {
    char text[LOG_LINE_MAX + 1];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0)
        log_text(level, slot, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

const struct record_ring *log_ring(void) {
    return &ring;
}
