#include "node/guest_host.h"

#include <string.h>

#include "core/bytes.h"
#include "hal.h"
#include "node/clock.h"
#include "node/instance.h"
#include "node/log.h"
#include "node/module_config.h"
#include "node/replay.h"
#include "node/sensor.h"
#include "node/stream.h"
#include "node/trace.h"

/* What is no consequence of the module's own doing - answers, and that a record was added - is traced,
 * and in a replayed event taken from the recording. */

static int32_t read_sensor(const struct instance *instance, int32_t input, uint8_t *values,
                           uint32_t cap) {
    if (input < 0 || (uint32_t)input >= instance->manifest.input_count)
        return WM_EINVAL;
    const struct sensor *sensor = sensor_at(instance->sensor[input]);
    if (!sensor || !sensor->has_reading)
        return WM_ENOENT;
    if (cap < sensor->channels)
        return WM_ENOMEM;
    for (uint32_t i = 0; i < sensor->channels; i++) {
        uint32_t bits;
        memcpy(&bits, &sensor->value[i], sizeof bits);
        put_le32(values + 4 * i, bits);
    }
    return (int32_t)sensor->channels;
}

/* That there is no reading yet is no fault of the module. */
static void note_refused_read(struct instance *instance, int32_t input, int32_t result, uint32_t cap) {
    if (result == WM_EINVAL && instance_refused(instance, REFUSED_INPUT))
        log_line(LOG_WARNING, instance->slot, "refused: it reads input %d, and its manifest has %u",
                 (int)input, (unsigned)instance->manifest.input_count);
    else if (result == WM_ENOMEM && instance_refused(instance, REFUSED_ROOM))
        log_line(LOG_WARNING, instance->slot,
                 "refused: it reads input %d with room for %u values, of more", (int)input,
                 (unsigned)cap);
}

static int32_t guest_sensor_read(void *context, int32_t input, uint8_t *values, uint32_t cap) {
    int32_t result = replay_is_on() ? replay_sensor_read(input, values, cap)
                                    : read_sensor(context, input, values, cap);
    trace_sensor_read(context, input, result, values);
    note_refused_read(context, input, result, cap);
    return result;
}

static wm_status check_emit(struct instance *instance, int32_t stream, uint32_t len) {
    const struct manifest *manifest = &instance->manifest;
    if (!instance->may_emit) {
        if (instance_refused(instance, REFUSED_MOMENT))
            log_line(LOG_WARNING, instance->slot, "refused: it emits outside of on_sample and on_tick");
        return WM_EPERM;
    }
    if (stream < 0 || (uint32_t)stream >= manifest->stream_count) {
        if (instance_refused(instance, REFUSED_STREAM))
            log_line(LOG_WARNING, instance->slot,
                     "refused: it emits to stream %d, and its manifest has %u", (int)stream,
                     (unsigned)manifest->stream_count);
        return WM_EINVAL;
    }
    const struct manifest_stream *declared = &manifest->stream[stream];
    if (len == declared->values * sizeof(float))
        return WM_OK;
    if (instance_refused(instance, REFUSED_SIZE))
        log_line(LOG_WARNING, instance->slot,
                 "refused: it emits %u bytes to %s, whose %u values have %u", (unsigned)len,
                 declared->name, (unsigned)declared->values,
                 (unsigned)(declared->values * sizeof(float)));
    return WM_EINVAL;
}

static int32_t guest_emit(void *context, int32_t stream, const uint8_t *bytes, uint32_t len) {
    struct instance *instance = context;
    const struct manifest *manifest = &instance->manifest;
    wm_status status = check_emit(instance, stream, len);
    if (status)
        return status;
    const struct manifest_stream *declared = &manifest->stream[stream];
    if (replay_is_on() && !replay_emit(stream))
        return WM_ETRAP;
    struct stream *out = stream_find(instance->slot, declared->name);
    bool added = stream_append(instance->slot, out, instance->event_ms, manifest->digest, bytes,
                               declared->values);
    if (added) {
        trace_emit(instance, stream);
        return WM_OK;
    }
    if (instance_refused(instance, REFUSED_RECORD))
        log_line(LOG_WARNING, instance->slot, "refused: a record is larger than the ring of %s",
                 declared->name);
    return WM_ENOMEM;
}

static void guest_log(void *context, int32_t level, const char *text, uint32_t len) {
    const struct instance *instance = context;
    enum log_level known = level < LOG_ERROR || level > LOG_DEBUG ? LOG_INFO : (enum log_level)level;
    log_text(known, instance->slot, text, len);
}

static int64_t guest_now_ms(void *context) {
    int64_t now_ms = replay_is_on() ? replay_now_ms() : clock_now_ms();
    trace_now_ms(context, now_ms);
    return now_ms;
}

static double guest_config_get(void *context, const char *key, uint32_t len, double fallback) {
    const struct instance *instance = context;
    struct span config = {instance->config, instance->config_len};
    double value = fallback;
    module_config_number(config, key, len, &value);
    return value;
}

static void guest_random(void *context, uint8_t *out, uint32_t cap) {
    if (replay_is_on())
        replay_random(out, cap);
    else
        hal_random(out, cap);
    trace_random(context, out, cap);
}

struct host_api guest_host_api(uint32_t capabilities) {
    return (struct host_api){
        .sensor_read = guest_sensor_read,
        .emit = guest_emit,
        .log = capabilities & CAPABILITY_LOG ? guest_log : NULL,
        .now_ms = guest_now_ms,
        .config_get = guest_config_get,
        .random = capabilities & CAPABILITY_RANDOM ? guest_random : NULL,
    };
}
