#include "node/replay.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "core/bytes.h"
#include "core/cbor.h"
#include "node/clock.h"
#include "node/module_config.h"
#include "node/slot.h"
#include "node/trace.h"

/* The calls of the event that runs, and where it left them. */
static struct {
    bool on;
    uint32_t event;
    struct cbor_in calls;
    size_t left;
    bool strayed;
    char why[SLOT_WHY_CAP];
} replay;

/* ---- answers ---------------------------------------------------------------------------- */

static const char *name_of(uint64_t call) {
    static const char *const names[] = {"sensor_read", "emit", "log", "now_ms", "config_get", "random"};
    return call < sizeof names / sizeof names[0] ? names[call] : "something unknown";
}

/* Only the first time counts: what follows it is its consequence. */
__attribute__((format(printf, 1, 2))) static void stray(const char *format, ...) {
    if (replay.strayed)
        return;
    replay.strayed = true;
    int n = snprintf(replay.why, sizeof replay.why, "event %u ", (unsigned)replay.event);
    va_list args;
    va_start(args, format);
    vsnprintf(replay.why + n, sizeof replay.why - (size_t)n, format, args);
    va_end(args);
}

/* Whether the next call of the recording is one of this function; behind it come its items. */
static bool next_call(enum trace_call function) {
    if (replay.strayed)
        return false;
    if (replay.left == 0) {
        stray("calls %s, which it did not in the recording", name_of(function));
        return false;
    }
    replay.left--;
    cbor_get_array(&replay.calls);
    uint64_t recorded = cbor_get_uint(&replay.calls);
    if (recorded != (uint64_t)function)
        stray("calls %s where it called %s in the recording", name_of(function), name_of(recorded));
    return !replay.strayed;
}

bool replay_is_on(void) {
    return replay.on;
}

int32_t replay_sensor_read(int32_t input, uint8_t *values, uint32_t cap) {
    if (!next_call(CALL_SENSOR_READ))
        return WM_ETRAP;
    int64_t asked = cbor_get_int(&replay.calls);
    int64_t result = cbor_get_int(&replay.calls);
    size_t len = 0;
    const uint8_t *read = result > 0 ? cbor_get_bytes(&replay.calls, &len) : NULL;
    if (asked != input || len > cap * sizeof(float)) {
        stray("reads input %d with room for %u values, other than in the recording", (int)input,
              (unsigned)cap);
        return WM_ETRAP;
    }
    if (read)
        memcpy(values, read, len);
    return (int32_t)result;
}

bool replay_emit(int32_t stream) {
    if (next_call(CALL_EMIT) && cbor_get_int(&replay.calls) != stream)
        stray("emits to another stream than in the recording");
    return !replay.strayed;
}

int64_t replay_now_ms(void) {
    return next_call(CALL_NOW_MS) ? cbor_get_int(&replay.calls) : 0;
}

void replay_random(uint8_t *out, uint32_t len) {
    size_t recorded = 0;
    const uint8_t *bytes = next_call(CALL_RANDOM) ? cbor_get_bytes(&replay.calls, &recorded) : NULL;
    if (bytes && recorded == len) {
        memcpy(out, bytes, len);
        return;
    }
    stray("asks random for %u bytes, other than in the recording", (unsigned)len);
    memset(out, 0, len);
}

/* ---- events ----------------------------------------------------------------------------- */

struct event {
    uint32_t kind, number, input;
    int64_t time_ms;
    struct span content; /* encoded */
    struct span calls;   /* encoded */
    bool cut;
    uint32_t seen; /* a bit for each key that is there */
};

static int32_t get_i32(struct cbor_in *in) {
    int64_t value = cbor_get_int(in);
    if (value < INT32_MIN || value > INT32_MAX)
        in->error = true;
    return (int32_t)value;
}

static void get_short_digest(struct cbor_in *in) {
    size_t len;
    cbor_get_bytes(in, &len);
    if (len != SHORT_DIGEST_BYTES)
        in->error = true;
}

/* Bytes, those of values with their tag. */
static struct span get_content(struct cbor_in *in) {
    struct cbor_in look = *in;
    size_t len;
    if (cbor_peek(&look) == CBOR_TAG && cbor_get_tag(&look) != CBOR_TAG_F32LE_ARRAY)
        in->error = true;
    cbor_get_bytes(&look, &len);
    in->error = in->error || look.error;
    return span_of_item(in);
}

static void get_member(struct cbor_in *in, struct event *event) {
    size_t len;
    uint64_t key = cbor_get_uint(in);
    event->seen |= key < 32 ? 1u << key : 0;
    switch (key) {
    case TRACE_KEY_SEQUENCE: /* not looked at, as the trap and the digest */
        cbor_get_u32(in);
        break;
    case TRACE_KEY_TRAP:
        cbor_get_text(in, &len);
        break;
    case TRACE_KEY_DIGEST:
        get_short_digest(in);
        break;
    case TRACE_KEY_KIND:
        event->kind = cbor_get_u32(in);
        break;
    case TRACE_KEY_EVENT:
        event->number = cbor_get_u32(in);
        break;
    case TRACE_KEY_TIME:
        event->time_ms = cbor_get_int(in);
        break;
    case TRACE_KEY_INPUT:
        event->input = cbor_get_u32(in);
        break;
    case TRACE_KEY_CONTENT:
        event->content = get_content(in);
        break;
    case TRACE_KEY_CALLS:
        event->calls = span_of_item(in);
        break;
    case TRACE_KEY_CUT:
        event->cut = cbor_get_bool(in);
        break;
    default:
        cbor_skip(in);
    }
}

/* Whether all is there that the module will be given when it makes this call. */
static bool is_call(struct cbor_in *in) {
    size_t len, items = cbor_get_array(in);
    switch (cbor_get_uint(in)) {
    case CALL_SENSOR_READ: {
        get_i32(in);
        int32_t result = get_i32(in);
        if (result > 0)
            cbor_get_bytes(in, &len);
        return items == (result > 0 ? 4 : 3) && (result <= 0 || len == (uint64_t)result * sizeof(float));
    }
    case CALL_EMIT:
        get_i32(in);
        return items == 2;
    case CALL_NOW_MS:
        cbor_get_int(in);
        return items == 2;
    case CALL_RANDOM:
        cbor_get_bytes(in, &len);
        return items == 2;
    default:
        return false;
    }
}

static bool are_calls(struct span calls) {
    struct cbor_in in;
    bool good = true;
    cbor_in_init(&in, calls.bytes, calls.len);
    for (size_t left = calls.len ? cbor_get_array(&in) : 0; left && good; left--)
        good = is_call(&in) && !in.error;
    return good && (calls.len == 0 || !in.error);
}

/* Values of a sample in place; their number, or 0 when it is none. */
static size_t values_of(struct span content, float *values, size_t cap) {
    struct cbor_in in;
    size_t len;
    cbor_in_init(&in, content.bytes, content.len);
    uint64_t tag = cbor_get_tag(&in);
    const uint8_t *bytes = cbor_get_bytes(&in, &len);
    if (in.error || tag != CBOR_TAG_F32LE_ARRAY || len % sizeof(float) || len / sizeof(float) > cap)
        return 0;
    for (size_t i = 0; i < len / sizeof(float); i++) {
        uint32_t bits = get_le32(bytes + 4 * i);
        memcpy(&values[i], &bits, sizeof bits);
    }
    return len / sizeof(float);
}

/* Encoded parameters; none of them when there are none. */
static struct span parameters_of(struct span content) {
    struct cbor_in in;
    size_t len;
    cbor_in_init(&in, content.bytes, content.len);
    const uint8_t *bytes = cbor_get_bytes(&in, &len);
    return in.error ? (struct span){NULL, 0} : (struct span){bytes, len};
}

static bool has(const struct event *event, uint32_t keys) {
    return (event->seen & keys) == keys;
}

static bool fits(const struct event *event, const struct manifest *m) {
    const uint32_t head = 1u << TRACE_KEY_SEQUENCE | 1u << TRACE_KEY_KIND | 1u << TRACE_KEY_EVENT;
    const uint32_t time = 1u << TRACE_KEY_TIME, input = 1u << TRACE_KEY_INPUT;
    float values[SENSOR_CHANNELS_MAX];
    char why[SLOT_WHY_CAP];
    switch (event->kind) {
    case TRACE_SAMPLE:
        return has(event, head | time | input) && event->input < m->input_count &&
               clock_can_hold(event->time_ms) &&
               values_of(event->content, values, SENSOR_CHANNELS_MAX) == m->input[event->input].channels;
    case TRACE_TICK:
        return has(event, head | time) && clock_can_hold(event->time_ms);
    case TRACE_CONFIG:
        return has(event, head) &&
               module_config_check(m->config, parameters_of(event->content), why, sizeof why) == WM_OK;
    default:
        return false;
    }
}

static bool get_event(struct cbor_in *in, const struct manifest *m, struct event *event) {
    *event = (struct event){.kind = TRACE_BEGAN};
    for (size_t pairs = cbor_get_map(in); pairs && !in->error; pairs--)
        get_member(in, event);
    return !in->error && !event->cut && are_calls(event->calls) && fits(event, m);
}

static wm_status run(struct instance *instance, void *arg, char *why, size_t why_cap) {
    const struct event *event = arg;
    float values[SENSOR_CHANNELS_MAX];
    switch (event->kind) {
    case TRACE_SAMPLE: {
        size_t count = values_of(event->content, values, SENSOR_CHANNELS_MAX);
        return instance_sample(instance, event->input, event->time_ms, values, count, why, why_cap);
    }
    case TRACE_TICK:
        return instance_tick(instance, event->time_ms, why, why_cap);
    default:
        return instance_configure(instance, parameters_of(event->content), why, why_cap);
    }
}

/* One event with its calls; a module that strays is stopped as one that traps. */
static wm_status run_as_recorded(struct instance *instance, void *arg, char *why, size_t why_cap) {
    const struct event *event = arg;
    replay.event = event->number;
    replay.strayed = false;
    cbor_in_init(&replay.calls, event->calls.bytes, event->calls.len);
    replay.left = event->calls.len ? cbor_get_array(&replay.calls) : 0;
    replay.on = true;
    wm_status status = run(instance, arg, why, why_cap);
    replay.on = false;
    if (status == WM_OK && replay.left) {
        cbor_get_array(&replay.calls);
        stray("does not call %s, which it did in the recording", name_of(cbor_get_uint(&replay.calls)));
    }
    if (replay.strayed) {
        snprintf(why, why_cap, "%s", replay.why);
        return WM_ETRAP;
    }
    if (status) {
        char reason[SLOT_WHY_CAP];
        snprintf(reason, sizeof reason, "%s", why);
        snprintf(why, why_cap, "event %u: %s", (unsigned)event->number, reason);
    }
    return status;
}

static wm_status run_next(int slot, struct event *event, char *why, size_t why_cap) {
    const struct instance *instance = slot_at(slot)->active;
    if (event->number != instance->events) {
        snprintf(why, why_cap, "event %u is not the next one, which is event %u",
                 (unsigned)event->number, (unsigned)instance->events);
        return WM_EBUSY;
    }
    return slot_event(slot, run_as_recorded, event, why, why_cap);
}

wm_status replay_events(int slot, struct span records, bool *strayed, char *why, size_t why_cap) {
    struct cbor_in in, check;
    struct event event;
    *strayed = false;
    if (slot_at(slot)->state != SLOT_PAUSED) {
        snprintf(why, why_cap, "events are replayed to a paused module: put a snapshot first");
        return WM_EBUSY;
    }
    const struct manifest *m = &slot_at(slot)->active->manifest;
    cbor_in_whole(&in, records.bytes, records.len);
    size_t left = cbor_get_array(&in);
    check = in;
    for (size_t i = 0; i < left && !check.error; i++) {
        if (!get_event(&check, m, &event)) {
            snprintf(why, why_cap, "record %u is no event that this module can have had", (unsigned)i);
            return WM_EINVAL;
        }
    }
    if (check.error || !cbor_at_end(&check) || left == 0) {
        snprintf(why, why_cap, "expected an array of records of a trace, at least one");
        return WM_EINVAL;
    }
    wm_status status = WM_OK;
    for (; left && status == WM_OK; left--) {
        get_event(&in, m, &event);
        status = run_next(slot, &event, why, why_cap);
    }
    *strayed = (status == WM_ETRAP || status == WM_EBUDGET) && replay.strayed;
    return status;
}
