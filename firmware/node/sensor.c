#include "node/sensor.h"

#include <stdio.h>
#include <string.h>

#include "board_config.h"
#include "core/cbor.h"
#include "core/loop.h"
#include "hal.h"
#include "net/coap_server.h"
#include "node/clock.h"
#include "node/log.h"
#include "node/sampler.h"
#include "store/erase.h"

static struct sensor sensors[SENSORS_MAX];
static sensor_listener *on_reading;

struct sensor *sensor_at(int index) {
    bool there = index >= 0 && index < SENSORS_MAX && sensors[index].used;
    return there ? &sensors[index] : NULL;
}

int sensor_find(const char *name) {
    for (int index = 0; index < SENSORS_MAX; index++)
        if (sensors[index].used && strcmp(sensors[index].name, name) == 0)
            return index;
    return WM_ENOENT;
}

static int free_entry(void) {
    for (int index = 0; index < SENSORS_MAX; index++)
        if (!sensors[index].used)
            return index;
    return WM_ENOMEM;
}

/* ---- the board's own -------------------------------------------------------------------- */

/* Board sensors are the first entries, in the HAL's order: their index is the HAL's. */
static void publish(const struct sample *sample) {
    float values[SENSOR_CHANNELS_MAX];
    if (hal_sensor_values(sample->sensor, &sample->raw, values) == WM_OK)
        sensor_publish(sample->sensor, clock_ms_at(sample->time_us), values);
}

/* One a turn: each may be a long event of a module. */
static void publish_one(void) {
    struct sample sample;
    if (sampler_next(&sample))
        publish(&sample);
    if (sampler_has_next())
        loop_post(EVENT_SAMPLE);
}

static wm_status read_now(int index, float *values) {
    hal_raw raw;
    uint32_t state = hal_irq_lock();
    wm_status status = hal_sensor_take((size_t)index, &raw);
    hal_irq_unlock(state);
    return status ? status : hal_sensor_values((size_t)index, &raw, values);
}

wm_status sensor_refresh(int index) {
    float values[SENSOR_CHANNELS_MAX];
    if (sensors[index].injected)
        return WM_OK;
    wm_status status = read_now(index, values);
    if (status == WM_OK) {
        memcpy(sensors[index].value, values, sizeof sensors[index].value);
        sensors[index].time_ms = clock_now_ms();
        sensors[index].has_reading = true;
    }
    return status;
}

uint32_t sensor_lost(int index) {
    return sampler_lost((size_t)index);
}

static size_t encode_texts(const char *const *texts, size_t count, uint8_t *out) {
    struct cbor_out cbor;
    cbor_out_init(&cbor, out, SENSOR_TEXTS_CAP);
    cbor_put_array(&cbor, count);
    for (size_t i = 0; i < count; i++)
        cbor_put_text(&cbor, texts[i]);
    return cbor.len;
}

static void add_board_sensor(int index, const struct hal_sensor *info) {
    struct sensor *sensor = &sensors[index];
    sensor->used = true;
    snprintf(sensor->name, sizeof sensor->name, "%s", info->name);
    sensor->channels = info->channels;
    sensor->channel_len = encode_texts(info->channel, info->channels, sensor->channel);
    sensor->unit_len = encode_texts(info->unit, info->channels, sensor->unit);
    sampler_pace((size_t)index, SENSOR_PERIOD_MS);
}

void sensors_start(sensor_listener *listener) {
    on_reading = listener;
    loop_on(EVENT_SAMPLE, publish_one);
    for (size_t i = 0; i < hal_sensor_count() && i < SENSORS_MAX; i++)
        add_board_sensor((int)i, hal_sensor_info(i));
}

/* ---- what modules ask for --------------------------------------------------------------- */

static bool same_channels(const struct sensor *sensor, const struct manifest_input *input) {
    return sensor->channels == input->channels && sensor->channel_len == input->channel.len &&
           memcmp(sensor->channel, input->channel.bytes, input->channel.len) == 0;
}

wm_status sensor_check(const struct manifest_input *input, char *why, size_t why_cap) {
    int index = sensor_find(input->name);
    if (index >= 0) {
        if (same_channels(&sensors[index], input))
            return WM_OK;
        snprintf(why, why_cap, "sensor %s has other channels here than the manifest names", input->name);
        return WM_EINVAL;
    }
    if (!BOARD_INJECTION) {
        snprintf(why, why_cap, "this board has no sensor %s, and injection is not allowed", input->name);
        return WM_ENOENT;
    }
    if (free_entry() < 0 || input->channel.len > SENSOR_TEXTS_CAP ||
        input->unit.len > SENSOR_TEXTS_CAP) {
        snprintf(why, why_cap, "no room for another sensor (%s)", input->name);
        return WM_ENOMEM;
    }
    return WM_OK;
}

static int add_injected_sensor(const struct manifest_input *input) {
    int index = free_entry();
    struct sensor *sensor = &sensors[index];
    *sensor = (struct sensor){.used = true, .injected = true, .channels = input->channels};
    memcpy(sensor->name, input->name, sizeof sensor->name);
    memcpy(sensor->channel, input->channel.bytes, sensor->channel_len = input->channel.len);
    memcpy(sensor->unit, input->unit.bytes, sensor->unit_len = input->unit.len);
    return index;
}

int sensor_bind(const struct manifest_input *input, char *why, size_t why_cap) {
    wm_status status = sensor_check(input, why, why_cap);
    if (status)
        return status;
    int index = sensor_find(input->name);
    return index < 0 ? add_injected_sensor(input) : index;
}

void sensor_pace(int index, uint32_t period_ms) {
    if (sensors[index].used && !sensors[index].injected)
        sampler_pace((size_t)index, period_ms);
}

uint32_t sensors_readings_in_erase(void) {
    return sampler_readings_in(erase_max_ms());
}

void sensors_check_rates(void) {
    static uint32_t told;
    uint32_t readings = sensors_readings_in_erase();
    if (readings > SAMPLER_QUEUE && readings != told)
        log_line(LOG_WARNING, LOG_NODE,
                 "%u readings come while flash is erased (%u ms at most), and %u can wait",
                 (unsigned)readings, (unsigned)erase_max_ms(), (unsigned)SAMPLER_QUEUE);
    told = readings;
}

void sensor_remove(int index) {
    struct sensor *sensor = sensor_at(index);
    if (!sensor || !sensor->injected)
        return;
    char path[COAP_PATH_MAX];
    snprintf(path, sizeof path, "sensors/%s", sensor->name);
    sensor->used = false;
    coap_server_gone(path);
}

void sensor_begin_anew(int index) {
    if (sensors[index].injected)
        sensors[index].has_reading = false;
}

wm_status sensor_publish(int index, int64_t time_ms, const float *values) {
    struct sensor *sensor = &sensors[index];
    if (sensor->injected && sensor->has_reading && time_ms <= sensor->time_ms)
        return WM_EAGAIN;
    memcpy(sensor->value, values, sensor->channels * sizeof *values);
    sensor->time_ms = time_ms;
    sensor->has_reading = true;
    sensor->readings++;
    on_reading(index, time_ms, values, sensor->channels);
    char path[COAP_PATH_MAX];
    snprintf(path, sizeof path, "sensors/%s", sensor->name);
    coap_server_changed(path);
    return WM_OK;
}
