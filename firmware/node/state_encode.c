/* From a live module to the bytes of a snapshot. */
#include <string.h>

#include "core/cbor.h"
#include "net/fnv.h"
#include "node/sensor.h"
#include "node/state.h"
#include "node/stream.h"

#define CHUNK_BYTES 256u  /* memory is told in pieces of as many bytes, without the zeros around them */
#define TABLE_ENTRIES 64u /* of one item */

struct encoder {
    struct state_window *window;
    struct sha256 hash;
    bool hashing; /* only the window that holds the digest needs it */
};

/* ---- what falls into the window --------------------------------------------------------------- */

static void put(struct encoder *to, const uint8_t *bytes, size_t len) {
    struct state_window *window = to->window;
    size_t skip = window->first > window->total ? window->first - window->total : 0;
    window->total += len;
    if (to->hashing)
        sha256_update(&to->hash, bytes, len);
    if (skip >= len || window->len == window->cap)
        return;
    size_t room = window->cap - window->len;
    size_t take = len - skip < room ? len - skip : room;
    memcpy(window->bytes + window->len, bytes + skip, take);
    window->len += take;
}

/* ---- head ------------------------------------------------------------------------------------- */

static void put_declared(struct cbor_out *out, const struct manifest *manifest, uint32_t address) {
    cbor_put_uint(out, 3);
    cbor_put_array(out, 3);
    cbor_put_text(out, manifest->state_schema);
    cbor_put_uint(out, address);
    cbor_put_uint(out, manifest->state_bytes);
}

static void put_streams(struct cbor_out *out, const struct instance *instance) {
    const struct manifest *manifest = &instance->manifest;
    cbor_put_uint(out, 5);
    cbor_put_map(out, manifest->stream_count);
    for (uint32_t i = 0; i < manifest->stream_count; i++) {
        const struct stream *stream = stream_find(instance->slot, manifest->stream[i].name);
        cbor_put_text(out, manifest->stream[i].name);
        cbor_put_uint(out, stream ? stream->ring.next : 0);
    }
}

static void put_readings(struct cbor_out *out, const struct instance *instance) {
    cbor_put_uint(out, 7);
    cbor_put_array(out, instance->manifest.input_count);
    for (uint32_t i = 0; i < instance->manifest.input_count; i++) {
        const struct sensor *sensor = sensor_at(instance->sensor[i]);
        if (!sensor || !sensor->has_reading) {
            cbor_put_null(out);
            continue;
        }
        cbor_put_array(out, 2);
        cbor_put_int(out, sensor->time_ms);
        cbor_put_f32_array(out, sensor->value, sensor->channels);
    }
}

/* Where the declared state lies, when the module has what its manifest says. */
static bool find_declared(struct instance *instance, const uint8_t *memory, uint32_t *address) {
    size_t len;
    const uint8_t *declared = runtime_state(&instance->runtime, &len);
    if (!declared || len != instance->manifest.state_bytes)
        return false;
    *address = (uint32_t)(declared - memory);
    return true;
}

static void put_head(struct encoder *to, struct instance *instance) {
    uint8_t bytes[STATE_ITEM_MAX];
    struct cbor_out out;
    uint32_t memory_bytes, address;
    const uint8_t *memory = runtime_snapshot_memory(&instance->runtime, &memory_bytes);
    bool declares = find_declared(instance, memory, &address);
    cbor_out_init(&out, bytes, sizeof bytes);
    cbor_put_map(&out, declares ? 9 : 8);
    cbor_put_uint(&out, 0);
    cbor_put_uint(&out, 1);
    cbor_put_uint(&out, 1);
    cbor_put_text(&out, instance->manifest.name);
    cbor_put_uint(&out, 2);
    cbor_put_bytes(&out, instance->manifest.digest, SHA256_BYTES);
    if (declares)
        put_declared(&out, &instance->manifest, address);
    cbor_put_uint(&out, 4);
    cbor_put_uint(&out, memory_bytes);
    put_streams(&out, instance);
    cbor_put_uint(&out, 6);
    cbor_put_raw(&out, instance->config, instance->config_len);
    put_readings(&out, instance);
    cbor_put_uint(&out, 8);
    cbor_put_uint(&out, instance->events);
    to->window->hash = fnv1a(bytes, out.len);
    put(to, bytes, out.len);
}

/* ---- globals, table, memory ------------------------------------------------------------------- */

static void put_globals(struct encoder *to, const struct runtime *runtime) {
    for (uint32_t i = 0; i < runtime_snapshot_globals(runtime); i++) {
        uint8_t bytes[20];
        struct cbor_out out;
        uint64_t bits;
        if (!runtime_snapshot_global(runtime, i, &bits))
            continue;
        cbor_out_init(&out, bytes, sizeof bytes);
        cbor_put_array(&out, 2);
        cbor_put_uint(&out, i);
        cbor_put_uint(&out, bits);
        put(to, bytes, out.len);
    }
}

static void put_table(struct encoder *to, const struct runtime *runtime) {
    const uint32_t size = runtime_snapshot_table(runtime);
    for (uint32_t start = 0; start < size; start += TABLE_ENTRIES) {
        uint8_t bytes[8 + 5 * TABLE_ENTRIES];
        struct cbor_out out;
        uint32_t count = size - start < TABLE_ENTRIES ? size - start : TABLE_ENTRIES;
        cbor_out_init(&out, bytes, sizeof bytes);
        cbor_put_array(&out, 2);
        cbor_put_uint(&out, start);
        cbor_put_array(&out, count);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t function = runtime_snapshot_entry(runtime, start + i);
            if (function == RUNTIME_NO_FUNCTION)
                cbor_put_null(&out);
            else
                cbor_put_uint(&out, function);
        }
        put(to, bytes, out.len);
    }
}

static void put_chunk(struct encoder *to, const uint8_t *memory, uint32_t start, uint32_t end) {
    uint8_t bytes[16];
    struct cbor_out out;
    while (start < end && memory[start] == 0)
        start++;
    while (end > start && memory[end - 1] == 0)
        end--;
    if (start == end)
        return;
    cbor_out_init(&out, bytes, sizeof bytes);
    cbor_put_array(&out, 2);
    cbor_put_uint(&out, start);
    cbor_put_bytes_head(&out, end - start);
    put(to, bytes, out.len);
    put(to, memory + start, end - start);
}

static void put_memory(struct encoder *to, const struct runtime *runtime) {
    uint32_t len;
    const uint8_t *memory = runtime_snapshot_memory(runtime, &len);
    for (uint32_t start = 0; start < len; start += CHUNK_BYTES)
        put_chunk(to, memory, start, len - start < CHUNK_BYTES ? len : start + CHUNK_BYTES);
}

/* ---- all of it -------------------------------------------------------------------------------- */

#define DIGEST_ITEM_BYTES (2 + SHA256_BYTES)

static void put_items(struct encoder *to, struct instance *instance) {
    put_head(to, instance);
    put_globals(to, &instance->runtime);
    put_table(to, &instance->runtime);
    put_memory(to, &instance->runtime);
}

void state_encode(struct instance *instance, struct state_window *window) {
    uint8_t item[DIGEST_ITEM_BYTES] = {0x58, SHA256_BYTES};
    struct encoder to = {.window = window};
    window->len = window->total = 0;
    put_items(&to, instance);
    if (window->first + window->cap > window->total) { /* the digest is in it: all of it once more */
        window->len = window->total = 0;
        to.hashing = true;
        sha256_init(&to.hash);
        put_items(&to, instance);
        to.hashing = false;
        sha256_final(&to.hash, item + 2);
    }
    put(&to, item, sizeof item);
}
