#include "node/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "core/cbor.h"
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

/* Never cuts a UTF-8 sequence in two: bytes 10xxxxxx continue a character. */
static size_t cut(const char *text, size_t len) {
    if (len <= LOG_LINE_MAX)
        return len;
    len = LOG_LINE_MAX;
    while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

void log_text(enum log_level level, int slot, const char *text, size_t len) {
    uint8_t item[LOG_LINE_MAX + 32];
    struct cbor_out out;
    len = cut(text, len);
    cbor_out_init(&out, item, sizeof item);
    cbor_put_array(&out, 5);
    cbor_put_uint(&out, ring.next);
    cbor_put_int(&out, clock_now_ms());
    cbor_put_uint(&out, level);
    cbor_put_int(&out, slot);
    cbor_put_textn(&out, text, len);
    record_ring_push(&ring, item, out.len);
    diagnose(level, slot, text, len);
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
