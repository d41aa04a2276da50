#include "node/manifest.h"

#include <stdio.h>
#include <string.h>

bool name_is_valid(const char *name) {
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return len > 0 && name[len] == 0;
}

static void get_name(struct cbor_in *in, char out[NAME_CAP]) {
    cbor_get_text_into(in, out, NAME_CAP);
    if (!name_is_valid(out))
        in->error = true;
}

/* A text of at least one byte. */
static void get_text(struct cbor_in *in, char *out, size_t cap) {
    cbor_get_text_into(in, out, cap);
    if (!out[0])
        in->error = true;
}

static uint32_t get_positive(struct cbor_in *in) {
    uint32_t value = cbor_get_u32(in);
    if (value == 0)
        in->error = true;
    return value;
}

struct span span_of_item(struct cbor_in *in) {
    const uint8_t *start = in->at;
    cbor_skip(in);
    return (struct span){start, in->error ? 0 : (size_t)(in->at - start)};
}

static struct span get_texts(struct cbor_in *in, uint32_t count) {
    struct cbor_in look = *in;
    size_t items = cbor_get_array(&look);
    for (size_t i = 0; i < items && !look.error; i++) {
        size_t len;
        cbor_get_text(&look, &len);
    }
    if (look.error || items != count)
        in->error = true;
    return span_of_item(in);
}

static bool is_among(struct cbor_in texts, size_t count, const char *text, size_t len) {
    while (count--) {
        size_t other_len;
        const char *other = cbor_get_text(&texts, &other_len);
        if (other && other_len == len && memcmp(other, text, len) == 0)
            return true;
    }
    return false;
}

/* Whether an array of texts names each thing apart: none is empty, none is there twice. */
static bool tells_apart(struct span array) {
    struct cbor_in in;
    cbor_in_init(&in, array.bytes, array.len);
    size_t count = cbor_get_array(&in);
    const struct cbor_in texts = in;
    for (size_t i = 0; i < count && !in.error; i++) {
        size_t len;
        const char *text = cbor_get_text(&in, &len);
        if (!text || len == 0 || is_among(texts, i, text, len))
            return false;
    }
    return !in.error;
}

/* What is there one for each of count things, or not at all. */
static bool are_labels(struct span array, uint32_t count) {
    struct cbor_in in;
    cbor_in_init(&in, array.bytes, array.len);
    if (array.len)
        get_texts(&in, count);
    return !in.error;
}

static uint32_t get_shape(struct cbor_in *in) {
    size_t dimensions = cbor_get_array(in);
    uint64_t values = dimensions ? 1 : 0;
    while (dimensions--) {
        values *= cbor_get_u32(in);
        if (values > STREAM_VALUES_MAX)
            in->error = true;
        if (in->error)
            return 0;
    }
    if (values == 0)
        in->error = true;
    return (uint32_t)values;
}

static void get_stream(struct cbor_in *in, struct manifest_stream *stream) {
    struct span fields = {0}, units = {0}; /* for people and the host */
    bool has_type = false;
    size_t pairs = cbor_get_map(in);
    while (pairs-- && !in->error) {
        switch (cbor_get_uint(in)) {
        case 0:
            get_name(in, stream->name);
            break;
        case 1:
            has_type = cbor_get_uint(in) == 0 && !in->error; /* f32 is the only one */
            break;
        case 2:
            stream->values = get_shape(in);
            break;
        case 3:
            fields = span_of_item(in);
            break;
        case 4:
            units = span_of_item(in);
            break;
        case 5:
            get_positive(in);
            break;
        default: /* keys of later versions */
            cbor_skip(in);
        }
    }
    if (!stream->name[0] || !has_type || !stream->values || !are_labels(fields, stream->values) ||
        !are_labels(units, stream->values) || (fields.len && !tells_apart(fields)))
        in->error = true;
}

/* How many items the array has, without consuming it. */
static uint32_t peek_count(const struct cbor_in *in) {
    struct cbor_in look = *in;
    return (uint32_t)cbor_get_array(&look);
}

static void get_input(struct cbor_in *in, struct manifest_input *input) {
    size_t pairs = cbor_get_map(in);
    while (pairs-- && !in->error) {
        switch (cbor_get_uint(in)) {
        case 0:
            get_name(in, input->name);
            break;
        case 1:
            input->channels = peek_count(in);
            input->channel = get_texts(in, input->channels);
            break;
        case 2:
            input->unit = get_texts(in, peek_count(in));
            break;
        case 3:
            input->period_ms = get_positive(in);
            break;
        default:
            cbor_skip(in);
        }
    }
    struct cbor_in units;
    cbor_in_init(&units, input->unit.bytes, input->unit.len);
    bool complete = input->name[0] && input->unit.len && cbor_get_array(&units) == input->channels;
    if (!complete || input->channels == 0 || input->channels > SENSOR_CHANNELS_MAX ||
        !tells_apart(input->channel))
        in->error = true;
}

static bool has_stream(const struct manifest *manifest, const char *name) {
    for (uint32_t i = 0; i < manifest->stream_count; i++)
        if (strcmp(manifest->stream[i].name, name) == 0)
            return true;
    return false;
}

static void get_streams(struct cbor_in *in, struct manifest *manifest) {
    size_t items = cbor_get_array(in);
    if (items > MODULE_STREAMS_MAX)
        in->error = true;
    for (size_t i = 0; i < items && !in->error; i++) {
        struct manifest_stream *stream = &manifest->stream[i];
        get_stream(in, stream);
        if (has_stream(manifest, stream->name))
            in->error = true;
        manifest->stream_count++;
    }
}

static bool has_input(const struct manifest *manifest, const char *name) {
    for (uint32_t i = 0; i < manifest->input_count; i++)
        if (strcmp(manifest->input[i].name, name) == 0)
            return true;
    return false;
}

static void get_inputs(struct cbor_in *in, struct manifest *manifest) {
    size_t items = cbor_get_array(in);
    if (items > MODULE_INPUTS_MAX)
        in->error = true;
    for (size_t i = 0; i < items && !in->error; i++) {
        struct manifest_input *input = &manifest->input[i];
        get_input(in, input);
        if (has_input(manifest, input->name)) /* a reading would arrive twice */
            in->error = true;
        manifest->input_count++;
    }
}

static void get_config(struct cbor_in *in, struct manifest *manifest) {
    struct cbor_in look = *in;
    size_t pairs = cbor_get_map(&look);
    for (size_t left = pairs; left && !look.error; left--) {
        size_t len;
        cbor_get_text(&look, &len);
        cbor_get_finite(&look);
        if (len == 0)
            look.error = true;
    }
    if (look.error)
        in->error = true;
    struct span config = span_of_item(in);
    if (config.len > MODULE_CONFIG_MAX)
        in->error = true;
    if (pairs > 0) /* a map that names no parameter is as none */
        manifest->config = config;
}

static void get_state(struct cbor_in *in, struct manifest *manifest) {
    size_t pairs = cbor_get_map(in);
    while (pairs-- && !in->error) {
        switch (cbor_get_uint(in)) {
        case 0:
            get_text(in, manifest->state_schema, sizeof manifest->state_schema);
            break;
        case 1:
            manifest->state_bytes = get_positive(in);
            break;
        default:
            cbor_skip(in);
        }
    }
    if (!manifest->state_schema[0] || !manifest->state_bytes)
        in->error = true;
}

static uint32_t capability_of(const char *text, size_t len) {
    if (text && len == 3 && memcmp(text, "log", 3) == 0)
        return CAPABILITY_LOG;
    return text && len == 6 && memcmp(text, "random", 6) == 0 ? CAPABILITY_RANDOM : 0;
}

static void get_capabilities(struct cbor_in *in, struct manifest *manifest) {
    size_t items = cbor_get_array(in);
    while (items-- && !in->error) {
        size_t len;
        const char *text = cbor_get_text(in, &len);
        uint32_t capability = capability_of(text, len);
        /* A grant that this node does not know must not be half-given. */
        if (!capability || (manifest->capabilities & capability))
            in->error = true;
        manifest->capabilities |= capability;
    }
}

/* Stack, data and heap, for people. */
static void get_memory_use(struct cbor_in *in) {
    if (cbor_get_array(in) != 3)
        in->error = true;
    for (int i = 0; i < 3; i++)
        cbor_get_u32(in);
}

static void get_digest(struct cbor_in *in, struct manifest *manifest) {
    size_t len;
    const uint8_t *bytes = cbor_get_bytes(in, &len);
    if (bytes && len == SHA256_BYTES)
        memcpy(manifest->digest, bytes, SHA256_BYTES);
    else
        in->error = true;
}

#define MEMORY_BYTES_KEY 15u

static void get_field(struct cbor_in *in, uint64_t key, struct manifest *m) {
    switch (key) {
    case 0:
        get_name(in, m->name);
        break;
    case 1:
        get_text(in, m->version, sizeof m->version);
        break;
    case 2:
        m->sequence = cbor_get_u32(in);
        break;
    case 3:
        get_digest(in, m);
        break;
    case 4:
        m->size = get_positive(in);
        break;
    case 5:
        m->abi = cbor_get_u32(in);
        break;
    case 6:
        get_text(in, m->device_class, sizeof m->device_class);
        break;
    case 7:
        m->pages = cbor_get_u32(in);
        break;
    case 8:
        m->stack_bytes = get_positive(in);
        break;
    case 9:
        get_streams(in, m);
        break;
    case 10:
        get_inputs(in, m);
        break;
    case 11:
        get_config(in, m);
        break;
    case 12:
        get_state(in, m);
        break;
    case 13:
        get_capabilities(in, m);
        break;
    case 14:
        m->budget_us = get_positive(in);
        break;
    case MEMORY_BYTES_KEY:
        m->memory_bytes = get_positive(in);
        break;
    case 16:
        get_memory_use(in);
        break;
    case 17:
        m->probation_events = cbor_get_u32(in);
        break;
    default:
        cbor_skip(in); /* keys of later versions */
    }
}

#define REQUIRED_KEYS 11u /* keys 0..10 */

/* A trimmed memory ends within the last of its pages. */
static bool memory_ends_in_last_page(const struct manifest *m) {
    uint64_t whole = (uint64_t)m->pages * MANIFEST_PAGE_BYTES;
    return m->memory_bytes <= whole && (uint64_t)m->memory_bytes + MANIFEST_PAGE_BYTES > whole;
}

wm_status manifest_read(const uint8_t *bytes, size_t len, struct manifest *m, char *why,
                        size_t why_cap) {
    struct cbor_in in;
    uint32_t seen = 0;
    *m = (struct manifest){.budget_us = MODULE_EVENT_BUDGET_US,
                           .probation_events = MODULE_PROBATION_EVENTS};
    cbor_in_whole(&in, bytes, len);
    size_t pairs = cbor_get_map(&in);
    if (in.error) {
        snprintf(why, why_cap, "the manifest is not one well-formed CBOR map, without a key twice");
        return WM_EINVAL;
    }
    while (pairs-- && !in.error) {
        uint64_t key = cbor_get_uint(&in);
        seen |= key < 32 ? 1u << key : 0;
        get_field(&in, key, m);
        if (in.error) {
            snprintf(why, why_cap, "manifest key %u is malformed or beyond this node's limits",
                     (unsigned)key);
            return WM_EINVAL;
        }
    }
    uint32_t missing = ~seen & ((1u << REQUIRED_KEYS) - 1);
    if (missing) {
        snprintf(why, why_cap, "manifest key %d is missing", __builtin_ctz(missing));
        return WM_EINVAL;
    }
    if ((seen & 1u << MEMORY_BYTES_KEY) && !memory_ends_in_last_page(m)) {
        snprintf(why, why_cap, "%u bytes of memory do not end in page %u, the last",
                 (unsigned)m->memory_bytes, (unsigned)m->pages);
        return WM_EINVAL;
    }
    return WM_OK;
}

static void get_envelope(struct cbor_in *in, struct bundle_head *head) {
    cose_get_sign1(in, &head->envelope);
    head->manifest = head->envelope.payload;
}

bool bundle_get_head(const uint8_t *bundle, size_t len, struct bundle_head *head) {
    struct cbor_in in;
    *head = (struct bundle_head){.is_signed = len > 0 && bundle[0] == COSE_SIGN1_FIRST_BYTE};
    cbor_in_init(&in, bundle, len);
    if (head->is_signed)
        get_envelope(&in, head);
    else
        head->manifest.bytes = cbor_get_bytes(&in, &head->manifest.len);
    head->module_len = cbor_get_bytes_head(&in);
    head->module_at = len - (size_t)(in.end - in.at);
    head->is_cut = in.cut;
    return !in.error;
}

wm_status manifest_check_size(const struct manifest *m, uint64_t module_len, char *why, size_t why_cap) {
    if (module_len == m->size)
        return WM_OK;
    snprintf(why, why_cap, "the manifest says %u bytes, the module has %u", (unsigned)m->size,
             (unsigned)module_len);
    return WM_EINVAL;
}

wm_status bundle_open(const uint8_t *bundle, size_t len, struct manifest *manifest, struct span *module,
                      char *why, size_t why_cap) {
    struct bundle_head head;
    if (!bundle_get_head(bundle, len, &head) || head.module_len != len - head.module_at) {
        snprintf(why, why_cap, NOT_A_BUNDLE);
        return WM_EINVAL;
    }
    if (head.is_signed && head.envelope.key_id.len != COSE_KEY_ID_BYTES) {
        snprintf(why, why_cap, "the signature names no key, by an id of %d bytes", COSE_KEY_ID_BYTES);
        return WM_EINVAL;
    }
    *module = (struct span){bundle + head.module_at, len - head.module_at};
    wm_status status = manifest_read(head.manifest.bytes, head.manifest.len, manifest, why, why_cap);
    return status ? status : manifest_check_size(manifest, module->len, why, why_cap);
}

/* ---- what only people need: looked up when it is asked for ---------------------------------- */

enum { STREAMS_KEY = 9, STREAM_NAME_KEY = 0, STREAM_FIELDS_KEY = 3 };

static struct span fields_of_stream(struct cbor_in *in, const char *wanted) {
    struct span fields = {0};
    bool found = false;
    size_t pairs = cbor_get_map(in);
    while (pairs-- && !in->error) {
        uint64_t key = cbor_get_uint(in);
        struct cbor_in value = *in;
        struct span item = span_of_item(in);
        if (key == STREAM_NAME_KEY) {
            size_t len;
            const char *name = cbor_get_text(&value, &len);
            found = name && len == strlen(wanted) && memcmp(name, wanted, len) == 0;
        } else if (key == STREAM_FIELDS_KEY)
            fields = item;
    }
    return found && !in->error ? fields : (struct span){0};
}

static struct span fields_among(struct cbor_in *in, const char *wanted) {
    struct span fields = {0};
    size_t streams = cbor_get_array(in);
    while (streams-- && !in->error && !fields.len)
        fields = fields_of_stream(in, wanted);
    return fields;
}

struct span bundle_field_names(const uint8_t *bundle, size_t len, const char *stream) {
    struct bundle_head head;
    struct cbor_in in;
    bundle_get_head(bundle, len, &head);
    cbor_in_init(&in, head.manifest.bytes, head.manifest.len);
    size_t pairs = cbor_get_map(&in);
    while (pairs-- && !in.error) {
        if (cbor_get_uint(&in) == STREAMS_KEY)
            return fields_among(&in, stream);
        cbor_skip(&in);
    }
    return (struct span){0};
}
