#include <math.h>
#include <stdio.h>
#include <string.h>

#include "board_config.h"
#include "hal.h"
#include "node/clock.h"
#include "node/resources.h"
#include "node/sampler.h"
#include "node/sensor.h"
#include "node/slot.h"

#define SAMPLES_MAX 32 /* of one request */

/* Halfway from the largest binary32 to what would follow it: from here on rounding gives infinity. */
#define BINARY32_END 0x1.ffffffp127

static void put_queue(struct cbor_out *out) {
    cbor_put_array(out, 3);
    cbor_put_uint(out, sampler_most_waiting());
    cbor_put_uint(out, SAMPLER_QUEUE);
    cbor_put_uint(out, sensors_readings_in_erase());
}

static void put_sensor(struct cbor_out *out, int index) {
    const struct sensor *sensor = sensor_at(index);
    cbor_put_map(out, 6u + sensor->has_reading + 2u * !sensor->injected);
    cbor_put_uint(out, 0);
    cbor_put_text(out, sensor->name);
    cbor_put_uint(out, 1);
    cbor_put_raw(out, sensor->channel, sensor->channel_len);
    cbor_put_uint(out, 2);
    cbor_put_raw(out, sensor->unit, sensor->unit_len);
    cbor_put_uint(out, 3);
    cbor_put_bool(out, sensor->injected);
    cbor_put_uint(out, 4);
    cbor_put_uint(out, sensor->readings);
    if (sensor->has_reading) {
        cbor_put_uint(out, 5);
        cbor_put_int(out, sensor->time_ms);
    }
    if (!sensor->injected) {
        cbor_put_uint(out, 6);
        cbor_put_uint(out, sensor_lost(index));
        cbor_put_uint(out, 7);
        put_queue(out);
    }
    cbor_put_uint(out, 8);
    cbor_put_uint(out, slots_listening(index));
}

void res_sensors(const struct coap_request *request, struct coap_response *response) {
    struct cbor_out out;
    size_t count = 0;
    (void)request;
    for (int i = 0; i < SENSORS_MAX; i++)
        count += sensor_at(i) != NULL;
    cbor_out_init(&out, response->body, response->cap);
    cbor_put_array(&out, count);
    for (int i = 0; i < SENSORS_MAX; i++)
        if (sensor_at(i))
            put_sensor(&out, i);
    respond_cbor(response, &out);
}

void res_sensor_list(void (*emit)(void *arg, const char *path), void *arg) {
    for (int i = 0; i < SENSORS_MAX; i++) {
        char path[COAP_PATH_MAX];
        if (!sensor_at(i))
            continue;
        snprintf(path, sizeof path, "sensors/%s", sensor_at(i)->name);
        emit(arg, path);
    }
}

/* ---- GET: SenML-CBOR (RFC 8428 section 6, labels of its table 4) ------------------------- */

enum { SENML_BASE_NAME = -2, SENML_BASE_TIME = -3, SENML_NAME = 0, SENML_UNIT = 1, SENML_VALUE = 2 };

/* RFC 8428 section 4.5.3: smaller times are relative to now. */
#define SENML_ABSOLUTE_FROM_S 268435456.0

static double senml_time(int64_t time_ms) {
    double seconds = (double)time_ms / 1000;
    if (clock_is_set() && seconds >= SENML_ABSOLUTE_FROM_S)
        return seconds;
    return (double)(time_ms - clock_now_ms()) / 1000;
}

static void base_name(const struct sensor *sensor, char *out, size_t cap) {
    uint8_t id[16];
    size_t len = hal_unique_id(id, sizeof id);
    int n = snprintf(out, cap, "%s-", BOARD_NAME);
    for (size_t i = 0; i < len; i++)
        n += snprintf(out + n, cap - (size_t)n, "%02x", id[i]);
    snprintf(out + n, cap - (size_t)n, "/%s/", sensor->name);
}

static void put_senml(struct cbor_out *out, const struct sensor *sensor) {
    char base[sizeof BOARD_NAME + 2 * 16 + NAME_CAP + 4];
    struct cbor_in channels, units;
    base_name(sensor, base, sizeof base);
    cbor_in_init(&channels, sensor->channel, sensor->channel_len);
    cbor_in_init(&units, sensor->unit, sensor->unit_len);
    size_t count = cbor_get_array(&channels);
    cbor_get_array(&units);
    cbor_put_array(out, count);
    for (size_t i = 0; i < count; i++) {
        size_t len;
        cbor_put_map(out, i == 0 ? 5 : 3);
        if (i == 0) {
            cbor_put_int(out, SENML_BASE_NAME);
            cbor_put_text(out, base);
            cbor_put_int(out, SENML_BASE_TIME);
            cbor_put_double(out, senml_time(sensor->time_ms));
        }
        const char *text = cbor_get_text(&channels, &len);
        cbor_put_int(out, SENML_NAME);
        cbor_put_textn(out, text, len);
        text = cbor_get_text(&units, &len);
        cbor_put_int(out, SENML_UNIT);
        cbor_put_textn(out, text, len);
        cbor_put_int(out, SENML_VALUE);
        cbor_put_float(out, sensor->value[i]);
    }
}

static void get(int index, struct coap_response *response) {
    struct cbor_out out;
    const struct sensor *sensor = sensor_at(index);
    if (sensor_refresh(index) != WM_OK) {
        coap_fail(response, COAP_503_UNAVAILABLE, "the converter of sensor %s did not answer",
                  sensor->name);
        return;
    }
    if (!sensor->has_reading) {
        coap_fail(response, COAP_404_NOT_FOUND, "sensor %s has no reading yet: it is fed by PUT",
                  sensor->name);
        return;
    }
    cbor_out_init(&out, response->body, response->cap);
    put_senml(&out, sensor);
    respond_cbor(response, &out);
    response->format = COAP_FORMAT_SENML_CBOR;
}

/* ---- PUT: injected samples ---------------------------------------------------------------- */

/* A number that binary32 does not reach would become infinite. */
static float get_value(struct cbor_in *in) {
    double value = cbor_get_number(in);
    if (fabs(value) >= BINARY32_END && !isinf(value))
        in->error = true;
    return (float)value;
}

static int64_t get_sample(struct cbor_in *in, const struct sensor *sensor, float *values) {
    if (cbor_get_array(in) != 2)
        in->error = true;
    int64_t time_ms = cbor_get_int(in);
    if (!clock_can_hold(time_ms) || cbor_get_array(in) != sensor->channels)
        in->error = true;
    for (uint32_t i = 0; i < sensor->channels && !in->error; i++)
        values[i] = get_value(in);
    return time_ms;
}

/* The whole request is checked before any of it is delivered: all or nothing. */
static bool check(struct cbor_in in, const struct sensor *sensor, struct coap_response *response) {
    size_t count = cbor_get_array(&in), late = count;
    bool earlier = sensor->has_reading;
    int64_t newest = sensor->time_ms;
    for (size_t i = 0; i < count && !in.error; i++) {
        float values[SENSOR_CHANNELS_MAX];
        int64_t time_ms = get_sample(&in, sensor, values);
        if (earlier && time_ms <= newest && late == count)
            late = i;
        earlier = true;
        newest = time_ms;
    }
    if (in.error || count == 0 || count > SAMPLES_MAX) {
        coap_fail(response, COAP_400_BAD_REQUEST,
                  "expected 1 to %d samples [time_ms, [%u values]] for sensor %s", SAMPLES_MAX,
                  (unsigned)sensor->channels, sensor->name);
        return false;
    }
    if (late < count) {
        coap_fail(response, COAP_409_CONFLICT,
                  "sample %u is not later than the reading before it: see key 5 of /sensors",
                  (unsigned)late);
        return false;
    }
    return true;
}

static void put(int index, const struct coap_request *request, struct coap_response *response) {
    const struct sensor *sensor = sensor_at(index);
    struct cbor_in in;
    if (!require_format(request, response, COAP_FORMAT_CBOR, "samples"))
        return;
    if (!sensor->injected) {
        coap_fail(response, COAP_403_FORBIDDEN, "sensor %s is read by the board", sensor->name);
        return;
    }
    if (slots_pause(index)) {
        coap_fail(response, COAP_503_UNAVAILABLE, "a module that listens to %s is paused", sensor->name);
        response->max_age_s = 1;
        return;
    }
    cbor_in_whole(&in, request->payload, request->len);
    if (!check(in, sensor, response))
        return;
    for (size_t left = cbor_get_array(&in); left; left--) {
        float values[SENSOR_CHANNELS_MAX];
        int64_t time_ms = get_sample(&in, sensor, values);
        sensor_publish(index, time_ms, values);
    }
    response->code = COAP_204_CHANGED;
}

void res_sensor(const struct coap_request *request, struct coap_response *response) {
    int index = sensor_find(request->wild[0]);
    if (index < 0)
        coap_fail(response, COAP_404_NOT_FOUND,
                  "no sensor %s: see /sensors; a module declares injected ones", request->wild[0]);
    else if (request->method == COAP_GET)
        get(index, response);
    else
        put(index, request, response);
}
