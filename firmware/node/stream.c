#include "node/stream.h"

#include <stdio.h>
#include <string.h>

#include "core/bytes.h"
#include "core/cbor.h"
#include "net/coap_server.h"

/* Everything of a record but its values: four integers of at most 9 bytes, keys, digest, heads. */
#define RECORD_OVERHEAD 48

static struct stream streams[MODULE_SLOTS][MODULE_STREAMS_MAX];
static uint8_t rings[MODULE_SLOTS][MODULE_STREAMS_MAX][STREAM_RING_BYTES];

struct stream *stream_at(int slot, uint32_t i) {
    bool there = i < MODULE_STREAMS_MAX && streams[slot][i].used;
    return there ? &streams[slot][i] : NULL;
}

struct stream *stream_find(int slot, const char *name) {
    for (uint32_t i = 0; i < MODULE_STREAMS_MAX; i++)
        if (streams[slot][i].used && strcmp(streams[slot][i].name, name) == 0)
            return &streams[slot][i];
    return NULL;
}

static void drop(int slot, struct stream *stream) {
    char path[COAP_PATH_MAX];
    snprintf(path, sizeof path, "out/%d/%s", slot, stream->name);
    stream->used = false;
    coap_server_gone(path);
}

void streams_drop(int slot) {
    for (uint32_t i = 0; i < MODULE_STREAMS_MAX; i++)
        if (streams[slot][i].used)
            drop(slot, &streams[slot][i]);
}

static bool names_stream(const struct manifest *manifest, const char *name) {
    for (uint32_t i = 0; i < manifest->stream_count; i++)
        if (strcmp(manifest->stream[i].name, name) == 0)
            return true;
    return false;
}

static void open_stream(int slot, const char *name, uint32_t first) {
    uint32_t i = 0;
    while (streams[slot][i].used)
        i++; /* a manifest has no more streams than the slot has entries */
    struct stream *stream = &streams[slot][i];
    stream->used = true;
    memcpy(stream->name, name, NAME_CAP);
    record_ring_init(&stream->ring, rings[slot][i], STREAM_RING_BYTES, first);
}

void streams_adopt(int slot, const struct manifest *manifest,
                   uint32_t (*first)(void *arg, const char *name), void *arg) {
    for (uint32_t i = 0; i < MODULE_STREAMS_MAX; i++)
        if (streams[slot][i].used && !names_stream(manifest, streams[slot][i].name))
            drop(slot, &streams[slot][i]);
    for (uint32_t i = 0; i < manifest->stream_count; i++) {
        const char *name = manifest->stream[i].name;
        if (!stream_find(slot, name))
            open_stream(slot, name, first(arg, name));
    }
}

/* IEEE 754 binary32: an exponent of all ones is an infinity (fraction 0) or a NaN. */
static uint8_t special_values(const uint8_t *values, uint32_t count) {
    uint8_t flags = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t magnitude = get_le32(values + 4 * i) & 0x7fffffffu;
        if (magnitude > 0x7f800000u)
            flags |= STREAM_HAS_NAN;
        else if (magnitude == 0x7f800000u)
            flags |= STREAM_HAS_INFINITY;
    }
    return flags;
}

bool stream_append(int slot, struct stream *stream, int64_t time_ms, const uint8_t *digest,
                   const uint8_t *values, uint32_t count) {
    uint8_t record[STREAM_VALUES_MAX * sizeof(float) + RECORD_OVERHEAD];
    struct cbor_out out;
    uint8_t flags = special_values(values, count);
    cbor_out_init(&out, record, sizeof record);
    cbor_put_map(&out, flags ? 5 : 4);
    cbor_put_uint(&out, 0);
    cbor_put_uint(&out, stream->ring.next);
    cbor_put_uint(&out, 1);
    cbor_put_int(&out, time_ms);
    cbor_put_uint(&out, 2);
    cbor_put_bytes(&out, digest, SHORT_DIGEST_BYTES);
    cbor_put_uint(&out, 3);
    cbor_put_tag(&out, CBOR_TAG_F32LE_ARRAY);
    cbor_put_bytes(&out, values, (size_t)count * sizeof(float));
    if (flags) {
        cbor_put_uint(&out, 4);
        cbor_put_uint(&out, flags);
    }
    if (out.overflow || !record_ring_push(&stream->ring, record, out.len))
        return false;
    char path[COAP_PATH_MAX];
    snprintf(path, sizeof path, "out/%d/%s", slot, stream->name);
    coap_server_changed(path);
    return true;
}
