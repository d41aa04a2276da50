/* From the bytes of a snapshot, as they come, into a module that has been loaded for it. */
#include <stdio.h>
#include <string.h>

#include "core/bytes.h"
#include "core/cbor.h"
#include "node/clock.h"
#include "node/sensor.h"
#include "node/state.h"

#define STATE_VERSION 1u

static wm_status refuse(wm_status status, char *why, size_t why_cap, const char *reason) {
    snprintf(why, why_cap, "%s", reason);
    return status;
}

/* ---- head ------------------------------------------------------------------------------------- */

static void get_declared(struct cbor_in *in, struct state_head *head) {
    if (cbor_get_array(in) != 3)
        in->error = true;
    cbor_get_text_into(in, head->schema, sizeof head->schema);
    head->state_address = cbor_get_u32(in);
    head->state_bytes = cbor_get_u32(in);
}

static void get_digest(struct cbor_in *in, uint8_t *digest) {
    size_t len;
    const uint8_t *bytes = cbor_get_bytes(in, &len);
    if (bytes && len == SHA256_BYTES)
        memcpy(digest, bytes, SHA256_BYTES);
    else
        in->error = true;
}

static bool is_map(struct span map, void (*get_value)(struct cbor_in *in)) {
    struct cbor_in in;
    cbor_in_init(&in, map.bytes, map.len);
    size_t pairs = cbor_get_map(&in);
    while (pairs-- && !in.error) {
        size_t len;
        cbor_get_text(&in, &len);
        get_value(&in);
    }
    return !in.error;
}

static void get_sequence(struct cbor_in *in) {
    cbor_get_u32(in);
}

static void get_parameter(struct cbor_in *in) {
    cbor_get_finite(in);
}

static void get_member(struct cbor_in *in, uint64_t key, struct state_head *head, uint64_t *version) {
    switch (key) {
    case 0:
        *version = cbor_get_uint(in);
        break;
    case 1:
        cbor_get_text_into(in, head->name, sizeof head->name);
        break;
    case 2:
        get_digest(in, head->digest);
        break;
    case 3:
        get_declared(in, head);
        break;
    case 4:
        head->memory_bytes = cbor_get_u32(in);
        break;
    case 5:
        head->streams = span_of_item(in);
        break;
    case 6:
        head->config = span_of_item(in);
        break;
    case 7:
        head->readings = span_of_item(in);
        break;
    case 8:
        head->events = cbor_get_u32(in);
        break;
    default: /* later versions may add some */
        cbor_skip(in);
    }
}

static wm_status read_head(struct state_reader *reader, struct cbor_in in, char *why, size_t why_cap) {
    struct state_head *head = &reader->head;
    uint64_t version = 0;
    uint32_t seen = 0;
    size_t pairs = cbor_get_map(&in);
    while (pairs-- && !in.error) {
        uint64_t key = cbor_get_uint(&in);
        get_member(&in, key, head, &version);
        seen |= key < 32 ? 1u << key : 0;
    }
    const uint32_t needed = 0x1f7; /* all but 3 */
    if (in.error || (seen & needed) != needed || !is_map(head->streams, get_sequence) ||
        !is_map(head->config, get_parameter))
        return refuse(WM_EINVAL, why, why_cap, "the snapshot does not begin with a head");
    if (version != STATE_VERSION) {
        snprintf(why, why_cap, "a snapshot of version %u, this node speaks %u", (unsigned)version,
                 STATE_VERSION);
        return WM_ENOTSUP;
    }
    return WM_OK;
}

/* ---- the items behind the head ---------------------------------------------------------------- */

/* Of memory, only what lies in the declared state. */
static void write_declared(struct state_reader *reader, uint32_t address, const uint8_t *bytes,
                           size_t len) {
    const struct state_head *head = &reader->head;
    for (size_t i = 0; i < len; i++) {
        uint64_t at = (uint64_t)address + i;
        if (at >= head->state_address && at < (uint64_t)head->state_address + head->state_bytes)
            reader->declared[at - head->state_address] = bytes[i];
    }
}

static wm_status take_memory(struct state_reader *reader, uint32_t address, struct cbor_in *in) {
    size_t len;
    const uint8_t *bytes = cbor_get_bytes(in, &len);
    if (in->error)
        return WM_EINVAL;
    if (reader->whole)
        return runtime_snapshot_write(&reader->into->runtime, address, bytes, len);
    write_declared(reader, address, bytes, len);
    return WM_OK;
}

/* Nothing changes a table: it must be the one that the module was loaded with. */
static wm_status compare_table(struct state_reader *reader, uint32_t start, struct cbor_in *in) {
    const struct runtime *runtime = &reader->into->runtime;
    size_t count = cbor_get_array(in);
    for (size_t i = 0; i < count && !in->error; i++) {
        bool none = cbor_peek(in) == CBOR_SIMPLE;
        uint32_t function = RUNTIME_NO_FUNCTION;
        if (none)
            cbor_skip(in);
        else
            function = cbor_get_u32(in);
        if (reader->whole && (start + i >= runtime_snapshot_table(runtime) ||
                              runtime_snapshot_entry(runtime, start + (uint32_t)i) != function))
            return WM_EINVAL;
    }
    return in->error ? WM_EINVAL : WM_OK;
}

static wm_status take_item(struct state_reader *reader, struct cbor_in in, char *why, size_t why_cap) {
    if (cbor_get_array(&in) != 2)
        in.error = true;
    uint32_t index = cbor_get_u32(&in);
    wm_status status = WM_EINVAL;
    if (!in.error && cbor_peek(&in) == CBOR_UINT)
        status = reader->whole
                     ? runtime_snapshot_set_global(&reader->into->runtime, index, cbor_get_uint(&in))
                     : WM_OK;
    else if (!in.error && cbor_peek(&in) == CBOR_BYTES)
        status = take_memory(reader, index, &in);
    else if (!in.error && cbor_peek(&in) == CBOR_ARRAY)
        status = compare_table(reader, index, &in);
    return status ? refuse(WM_EINVAL, why, why_cap,
                           "the snapshot holds a global, a table or memory that the module has not")
                  : WM_OK;
}

static wm_status take_digest(struct state_reader *reader, struct cbor_in in, char *why, size_t why_cap) {
    uint8_t told[SHA256_BYTES], digest[SHA256_BYTES];
    get_digest(&in, told);
    sha256_final(&reader->hash, digest);
    reader->complete = true;
    if (in.error || memcmp(told, digest, sizeof digest) != 0)
        return refuse(WM_EDIGEST, why, why_cap, "the snapshot's digest is not that of its bytes");
    return WM_OK;
}

/* ---- items as they come ----------------------------------------------------------------------- */

/* Bytes of the first item of what is held, 0 while it is not all there. */
static size_t item_length(const struct state_reader *reader) {
    struct cbor_in in;
    cbor_in_init(&in, reader->item, reader->held);
    cbor_skip(&in);
    return in.error ? 0 : (size_t)(in.at - reader->item);
}

static wm_status take(struct state_reader *reader, size_t len, state_opener *open, void *arg, char *why,
                      size_t why_cap) {
    struct cbor_in in;
    cbor_in_init(&in, reader->item, len);
    if (reader->complete)
        return refuse(WM_EINVAL, why, why_cap, "there is something behind the snapshot's digest");
    if (reader->into && cbor_peek(&in) == CBOR_BYTES)
        return take_digest(reader, in, why, why_cap);
    sha256_update(&reader->hash, reader->item, len);
    if (reader->into)
        return take_item(reader, in, why, why_cap);
    wm_status status = read_head(reader, in, why, why_cap);
    return status ? status : open(reader, arg, why, why_cap);
}

void state_begin(struct state_reader *reader) {
    memset(reader, 0, sizeof *reader);
    sha256_init(&reader->hash);
}

wm_status state_feed(struct state_reader *reader, const uint8_t *bytes, size_t len, bool more,
                     state_opener *open, void *arg, char *why, size_t why_cap) {
    while (len > 0) {
        size_t room = sizeof reader->item - reader->held, n;
        size_t taken = len < room ? len : room;
        memcpy(reader->item + reader->held, bytes, taken);
        reader->held += taken;
        bytes += taken;
        len -= taken;
        while (reader->held > 0 && (n = item_length(reader)) > 0) {
            wm_status status = take(reader, n, open, arg, why, why_cap);
            if (status)
                return status;
            memmove(reader->item, reader->item + n, reader->held - n);
            reader->held -= n;
        }
        if (reader->held == sizeof reader->item)
            return refuse(WM_EINVAL, why, why_cap, "the snapshot is no sequence of CBOR items");
    }
    if (!more && (reader->held > 0 || !reader->complete))
        return refuse(WM_EINVAL, why, why_cap, "the snapshot ends too early");
    return WM_OK;
}

/* ---- what the node keeps ---------------------------------------------------------------------- */

static void give_reading(struct cbor_in *in, struct sensor *sensor) {
    size_t len;
    cbor_get_array(in);
    int64_t time_ms = cbor_get_int(in);
    cbor_get_tag(in);
    const uint8_t *values = cbor_get_bytes(in, &len);
    if (in->error || !clock_can_hold(time_ms) || !sensor || !sensor->injected ||
        len != sensor->channels * sizeof(float))
        return;
    for (uint32_t i = 0; i < sensor->channels; i++) {
        uint32_t bits = get_le32(values + 4 * i);
        memcpy(&sensor->value[i], &bits, sizeof bits);
    }
    sensor->time_ms = time_ms;
    sensor->has_reading = true;
}

void state_give_readings(struct span readings, const struct instance *instance) {
    struct cbor_in in;
    cbor_in_init(&in, readings.bytes, readings.len);
    size_t count = cbor_get_array(&in);
    for (uint32_t i = 0; i < count && i < instance->manifest.input_count && !in.error; i++) {
        struct sensor *sensor = sensor_at(instance->sensor[i]);
        if (cbor_peek(&in) == CBOR_ARRAY)
            give_reading(&in, sensor);
        else
            cbor_skip(&in);
    }
}

uint32_t state_stream_number(void *streams, const char *name) {
    const struct span *map = streams;
    struct cbor_in in;
    cbor_in_init(&in, map->bytes, map->len);
    size_t pairs = map->len ? cbor_get_map(&in) : 0;
    while (pairs-- && !in.error) {
        size_t len;
        const char *key = cbor_get_text(&in, &len);
        uint64_t number = cbor_get_uint(&in);
        if (!in.error && len == strlen(name) && memcmp(key, name, len) == 0)
            return (uint32_t)number;
    }
    return 0;
}
