#include "node/trace.h"

#include <stdio.h>

#include "core/bytes.h"
#include "core/cbor.h"
#include "net/coap_server.h"
#include "node/instance.h"

/* A ring of no bytes is a board without traces: it is never asked for one. */
static uint8_t ring_bytes[TRACE_RING_BYTES ? TRACE_RING_BYTES : 1];
static uint8_t event_bytes[TRACE_RING_BYTES ? TRACE_EVENT_MAX : 1];

static struct {
    bool on;
    bool used;
    int slot;
    const struct instance *instance; /* whose events are taken; NULL: it does not run */
    struct record_ring ring;
    struct cbor_out event; /* the record of the event that runs */
    enum trace_kind kind;
    unsigned pairs;
    size_t calls_at; /* where the number of its calls is written, once it is known */
    uint16_t calls;
} trace;

wm_status trace_start(int slot, const struct instance *running, char *why, size_t why_cap) {
    if (trace.on && trace.slot != slot) {
        snprintf(why, why_cap, "slot %d is being traced, and there is one trace at a time", trace.slot);
        return WM_EBUSY;
    }
    if (!trace.on)
        record_ring_init(&trace.ring, ring_bytes, sizeof ring_bytes, trace.ring.next);
    trace.on = trace.used = true;
    trace.slot = slot;
    trace.instance = running;
    return WM_OK;
}

static void announce(void) {
    char path[COAP_PATH_MAX];
    snprintf(path, sizeof path, "modules/%d/trace", trace.slot);
    coap_server_changed(path);
}

void trace_stop(int slot) {
    if (!trace_is_on(slot))
        return;
    trace.on = false;
    announce(); /* whoever else reads it would wait for ever */
}

bool trace_is_on(int slot) {
    return trace.on && trace.slot == slot;
}

const struct record_ring *trace_ring(int slot) {
    return trace.used && trace.slot == slot ? &trace.ring : NULL;
}

uint32_t trace_next(void) {
    return trace.ring.next;
}

/* ---- records ---------------------------------------------------------------------------- */

static struct cbor_out *put_key(enum trace_key key) {
    trace.pairs++;
    cbor_put_uint(&trace.event, key);
    return &trace.event;
}

static void begin_record(enum trace_kind kind, const struct instance *instance) {
    trace.kind = kind;
    trace.pairs = 0;
    cbor_out_init(&trace.event, event_bytes, sizeof event_bytes);
    cbor_put_map(&trace.event, 0); /* one byte, and so it is with the pairs that there will be */
    cbor_put_uint(put_key(TRACE_KEY_SEQUENCE), trace.ring.next);
    cbor_put_uint(put_key(TRACE_KEY_KIND), kind);
    cbor_put_uint(put_key(TRACE_KEY_EVENT), instance->events);
}

static void push_record(void) {
    struct cbor_out head;
    cbor_out_init(&head, event_bytes, 1);
    cbor_put_map(&head, trace.pairs);
    record_ring_push(&trace.ring, event_bytes, trace.event.len);
    announce();
}

void trace_adopt(int slot, const struct instance *instance) {
    if (!trace_is_on(slot))
        return;
    trace.instance = instance;
    begin_record(TRACE_BEGAN, instance);
    cbor_put_bytes(put_key(TRACE_KEY_DIGEST), instance->manifest.digest, SHORT_DIGEST_BYTES);
    push_record();
}

void trace_leave(const struct instance *instance) {
    if (trace.instance == instance)
        trace.instance = NULL;
}

/* ---- events ----------------------------------------------------------------------------- */

static bool is_traced(const struct instance *instance) {
    return TRACE_RING_BYTES && trace.on && trace.instance == instance;
}

/* How many calls there will be is written when they are over: an array's head of fixed width. */
#define CALLS_HEAD_BYTES 3
#define CBOR_ARRAY_OF_16_BITS 0x99u /* RFC 8949 section 3: major type 4, a length of two bytes */

static void begin_calls(void) {
    static const uint8_t none[CALLS_HEAD_BYTES] = {CBOR_ARRAY_OF_16_BITS, 0, 0};
    trace.calls = 0;
    put_key(TRACE_KEY_CALLS);
    trace.calls_at = trace.event.len;
    cbor_put_raw(&trace.event, none, sizeof none);
}

void trace_sample(const struct instance *instance, uint32_t input, int64_t time_ms, const float *values,
                  size_t count) {
    if (!is_traced(instance))
        return;
    begin_record(TRACE_SAMPLE, instance);
    cbor_put_int(put_key(TRACE_KEY_TIME), time_ms);
    cbor_put_uint(put_key(TRACE_KEY_INPUT), input);
    cbor_put_f32_array(put_key(TRACE_KEY_CONTENT), values, count);
    begin_calls();
}

void trace_tick(const struct instance *instance, int64_t now_ms) {
    if (!is_traced(instance))
        return;
    begin_record(TRACE_TICK, instance);
    cbor_put_int(put_key(TRACE_KEY_TIME), now_ms);
    begin_calls();
}

void trace_config(const struct instance *instance) {
    if (!is_traced(instance))
        return;
    begin_record(TRACE_CONFIG, instance);
    cbor_put_bytes(put_key(TRACE_KEY_CONTENT), instance->config, instance->config_len);
    begin_calls();
}

/* A record that became too large keeps what says how the event ended, and that it is cut. */
static void cut_record(const struct instance *instance, const char *trap) {
    begin_record(trace.kind, instance);
    cbor_put_bool(put_key(TRACE_KEY_CUT), true);
    if (trap)
        cbor_put_text(put_key(TRACE_KEY_TRAP), trap);
}

void trace_end(const struct instance *instance, const char *trap) {
    if (!is_traced(instance))
        return;
    if (trap)
        cbor_put_text(put_key(TRACE_KEY_TRAP), trap);
    if (trace.event.overflow)
        cut_record(instance, trap);
    else
        put_be16(event_bytes + trace.calls_at + 1, trace.calls);
    push_record();
}

/* ---- calls ------------------------------------------------------------------------------ */

static struct cbor_out *put_call(enum trace_call function, size_t items) {
    trace.calls++;
    cbor_put_array(&trace.event, items);
    cbor_put_uint(&trace.event, function);
    return &trace.event;
}

void trace_sensor_read(const struct instance *instance, int32_t input, int32_t result,
                       const uint8_t *values) {
    if (!is_traced(instance))
        return;
    struct cbor_out *out = put_call(CALL_SENSOR_READ, result > 0 ? 4 : 3);
    cbor_put_int(out, input);
    cbor_put_int(out, result);
    if (result > 0)
        cbor_put_bytes(out, values, (size_t)result * sizeof(float));
}

void trace_emit(const struct instance *instance, int32_t stream) {
    if (!is_traced(instance))
        return;
    cbor_put_int(put_call(CALL_EMIT, 2), stream);
}

void trace_now_ms(const struct instance *instance, int64_t now_ms) {
    if (!is_traced(instance))
        return;
    cbor_put_int(put_call(CALL_NOW_MS, 2), now_ms);
}

void trace_random(const struct instance *instance, const uint8_t *bytes, uint32_t len) {
    if (!is_traced(instance))
        return;
    cbor_put_bytes(put_call(CALL_RANDOM, 2), bytes, len);
}
