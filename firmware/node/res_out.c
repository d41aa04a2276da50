#include <stdio.h>

#include "config.h"
#include "node/resources.h"
#include "node/slot.h"
#include "node/stream.h"

/* ---- lists ---------------------------------------------------------------------------------- */

static size_t count_streams(int slot) {
    size_t count = 0;
    for (uint32_t i = 0; i < MODULE_STREAMS_MAX; i++)
        count += stream_at(slot, i) != NULL;
    return count;
}

static void put_entry(struct cbor_out *out, int slot, const struct stream *stream, struct span fields) {
    cbor_put_map(out, 3u + (fields.len > 0));
    cbor_put_uint(out, 0);
    cbor_put_uint(out, (unsigned)slot);
    cbor_put_uint(out, 1);
    cbor_put_text(out, stream->name);
    cbor_put_uint(out, 2);
    cbor_put_uint(out, stream->ring.next);
    if (fields.len) {
        cbor_put_uint(out, 3);
        cbor_put_raw(out, fields.bytes, fields.len);
    }
}

static void put_entries(struct cbor_out *out, int slot) {
    for (uint32_t i = 0; i < MODULE_STREAMS_MAX; i++)
        if (stream_at(slot, i))
            put_entry(out, slot, stream_at(slot, i), (struct span){0});
}

#define ENTRY_BYTES (16 + NAME_CAP) /* of an entry without its names */

/* The names of a stream's values, as the slot's module has them; none where there is no room for them.
 */
static struct span field_names(const struct cbor_out *out, int slot, const struct stream *stream) {
    const struct instance *active = slot_at(slot)->active;
    if (!active || !active->bundle)
        return (struct span){0};
    struct span fields = bundle_field_names(active->bundle, active->bundle_len, stream->name);
    size_t room = out->cap - out->len;
    return fields.len + MODULE_STREAMS_MAX * ENTRY_BYTES <= room ? fields : (struct span){0};
}

void res_out(const struct coap_request *request, struct coap_response *response) {
    struct cbor_out out;
    size_t count = 0;
    (void)request;
    for (int slot = 0; slot < MODULE_SLOTS; slot++)
        count += count_streams(slot);
    cbor_out_init(&out, response->body, response->cap);
    cbor_put_array(&out, count);
    for (int slot = 0; slot < MODULE_SLOTS; slot++)
        put_entries(&out, slot);
    respond_cbor(response, &out);
}

void res_out_slot(const struct coap_request *request, struct coap_response *response) {
    struct cbor_out out;
    int slot = slot_of_path(request, response);
    if (slot < 0)
        return;
    cbor_out_init(&out, response->body, response->cap);
    cbor_put_array(&out, count_streams(slot));
    for (uint32_t i = 0; i < MODULE_STREAMS_MAX; i++) {
        const struct stream *stream = stream_at(slot, i);
        if (stream)
            put_entry(&out, slot, stream, field_names(&out, slot, stream));
    }
    respond_cbor(response, &out);
}

void res_out_slot_list(void (*emit)(void *arg, const char *path), void *arg) {
    for (int slot = 0; slot < MODULE_SLOTS; slot++) {
        char path[COAP_PATH_MAX];
        snprintf(path, sizeof path, "out/%d", slot);
        emit(arg, path);
    }
}

void res_out_stream_list(void (*emit)(void *arg, const char *path), void *arg) {
    for (int slot = 0; slot < MODULE_SLOTS; slot++) {
        for (uint32_t i = 0; i < MODULE_STREAMS_MAX; i++) {
            char path[COAP_PATH_MAX];
            if (!stream_at(slot, i))
                continue;
            snprintf(path, sizeof path, "out/%d/%s", slot, stream_at(slot, i)->name);
            emit(arg, path);
        }
    }
}

/* ---- records -------------------------------------------------------------------------------- */

/* The head is written when the number of records is known, in the room left for it: map, boot id,
 * lost, next and the array's head need at most this. */
#define HEAD_MAX 32

static void respond_records(struct coap_response *response, const struct record_ring *ring,
                            const struct record_batch *batch) {
    uint8_t head[HEAD_MAX];
    struct cbor_out out;
    cbor_out_init(&out, head, sizeof head);
    cbor_put_map(&out, 4);
    cbor_put_uint(&out, 0);
    cbor_put_bytes(&out, node_boot_id(), BOOT_ID_BYTES);
    cbor_put_uint(&out, 1);
    cbor_put_uint(&out, batch->lost);
    cbor_put_uint(&out, 2);
    cbor_put_uint(&out, ring->next);
    cbor_put_uint(&out, 3);
    cbor_put_array(&out, batch->count);
    respond_behind_head(response, &out, HEAD_MAX, batch->len);
}

void res_out_stream(const struct coap_request *request, struct coap_response *response) {
    int slot = slot_of_path(request, response);
    if (slot < 0)
        return;
    const struct stream *stream = stream_find(slot, request->wild[1]);
    if (!stream) {
        coap_fail(response, COAP_404_NOT_FOUND, "slot %d has no stream %s", slot, request->wild[1]);
        return;
    }
    uint32_t number = 0;
    uint8_t *records = response->body + HEAD_MAX;
    size_t cap = response->cap - HEAD_MAX;
    struct record_batch batch = {0};
    switch (since_of_query(request, response, &number)) {
    case SINCE_BAD:
        return;
    case SINCE_ABSENT:
        batch = record_ring_newest(&stream->ring, records, cap);
        break;
    case SINCE_ALL:
        batch = record_ring_all(&stream->ring, records, cap);
        break;
    case SINCE_NUMBER:
        batch = record_ring_after(&stream->ring, number, records, cap);
        break;
    }
    respond_records(response, &stream->ring, &batch);
}
