/* The node's reading of what comes from outside, without the node: its own handlers and decoders, each
 * asked whether it takes the bytes. A pipe in, a pipe out; see reading.py, which asks the same of the
 * host.
 *
 * A question is a kind (one byte), a length (32 bits, little endian) and so many bytes; the answer is
 * '1', they are taken, or '0', they are refused for what they are (4.00). Answers are sent when FLUSH is
 * asked for, which has none itself. Whether the state of a node would allow it is no matter here: around
 * the handlers is a node on which everything can be done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "core/loop.h"
#include "core/sha256.h"
#include "hal.h"
#include "net/link.h"
#include "node/counters.h"
#include "node/manifest.h"
#include "node/module_config.h"
#include "node/resources.h"
#include "node/restart.h"
#include "node/sensor.h"
#include "node/slot.h"
#include "node/trace.h"
#include "node/trust.h"
#include "store/store.h"

enum kind {
    FLUSH,
    CONTEXT,
    BUNDLE,
    CONTROL,
    CONFIG,
    TRACE,
    EVENT,
    KEY_CHANGE,
    NODE_ORDER,
    SAMPLES,
    TIME
};

#define QUESTION_MAX (1u << 20)

/* The module that is there: its manifest says which inputs and parameters it has. */
static struct instance instance;
static struct slot slot = {.state = SLOT_PAUSED, .active = &instance};
static struct sensor sensor = {.used = true, .injected = true};

/* ---- the node around the handlers ---------------------------------------------------------- */

struct slot *slot_at(int index) {
    return index == 0 ? &slot : NULL;
}

int slot_of_path(const struct coap_request *request, struct coap_response *response) {
    (void)request;
    (void)response;
    return 0;
}

bool require_format(const struct coap_request *request, struct coap_response *response, int format,
                    const char *what) {
    (void)request;
    (void)response;
    (void)format;
    (void)what;
    return true;
}

wm_status slot_start(int index, struct slot_numbering numbering, char *why, size_t why_cap) {
    (void)index;
    (void)numbering;
    (void)why;
    (void)why_cap;
    return WM_OK;
}

wm_status slot_swap(int index, struct slot_numbering numbering, char *why, size_t why_cap) {
    return slot_start(index, numbering, why, why_cap);
}

wm_status slot_start_beside(int index, int other, struct slot_numbering numbering, char *why,
                            size_t why_cap) {
    (void)other;
    return slot_start(index, numbering, why, why_cap);
}

static wm_status operate(int index, char *why, size_t why_cap) {
    (void)index;
    (void)why;
    (void)why_cap;
    return WM_OK;
}

wm_status slot_stop(int index, char *why, size_t why_cap) {
    return operate(index, why, why_cap);
}

wm_status slot_pause(int index, char *why, size_t why_cap) {
    return operate(index, why, why_cap);
}

wm_status slot_resume(int index, char *why, size_t why_cap) {
    return operate(index, why, why_cap);
}

wm_status slot_confirm(int index, char *why, size_t why_cap) {
    return operate(index, why, why_cap);
}

wm_status slot_roll_back(int index, char *why, size_t why_cap) {
    return operate(index, why, why_cap);
}

wm_status slot_configure(int index, struct span chosen, char *why, size_t why_cap) {
    (void)index;
    return module_config_check(instance.manifest.config, chosen, why, why_cap);
}

wm_status slot_event(int index, slot_event_runner *run, void *arg, char *why, size_t why_cap) {
    (void)run;
    (void)arg;
    return operate(index, why, why_cap);
}

bool slots_pause(int index) {
    (void)index;
    return false;
}

int sensor_find(const char *name) {
    (void)name;
    return 0;
}

struct sensor *sensor_at(int index) {
    return index == 0 ? &sensor : NULL;
}

wm_status sensor_publish(int index, int64_t time_ms, const float *values) {
    (void)index;
    (void)time_ms;
    (void)values;
    return WM_OK;
}

wm_status trace_start(int index, const struct instance *module, char *why, size_t why_cap) {
    (void)module;
    return operate(index, why, why_cap);
}

void trace_stop(int index) {
    (void)index;
}

bool runtime_is_loaded(const struct runtime *rt) {
    (void)rt;
    return true;
}

uint64_t hal_now_us(void) {
    return 0;
}

bool hal_can_restart(enum hal_start how) {
    (void)how;
    return true;
}

void loop_timer_at(struct loop_timer *timer, uint64_t at_us, void (*fire)(void *arg), void *arg) {
    (void)timer;
    (void)at_us;
    (void)fire;
    (void)arg;
}

/* ---- no keys, and every key is sound -------------------------------------------------------- */

const uint8_t *store_key(int place) {
    (void)place;
    return NULL;
}

bool store_keys_are_damaged(void) {
    return false;
}

wm_status store_put_key(int place, const uint8_t key[STORE_KEY_BYTES]) {
    (void)place;
    (void)key;
    return WM_OK;
}

uint32_t counter_get(const char *kind, const char *name) {
    (void)kind;
    (void)name;
    return 0;
}

wm_status counter_raise(const char *kind, const char *name, uint32_t value) {
    (void)kind;
    (void)name;
    (void)value;
    return WM_OK;
}

bool ed25519_key_is_sound(const uint8_t key[ED25519_KEY_BYTES]) {
    (void)key;
    return true;
}

/* ---- questions ------------------------------------------------------------------------------ */

static bool is_module(struct span module, const uint8_t *digest) {
    struct sha256 hash;
    uint8_t own[SHA256_BYTES];
    sha256_init(&hash);
    sha256_update(&hash, module.bytes, module.len);
    sha256_final(&hash, own);
    return memcmp(own, digest, sizeof own) == 0;
}

static bool takes_bundle(const uint8_t *bytes, size_t len) {
    struct manifest manifest;
    struct span module;
    char why[SLOT_WHY_CAP];
    return bundle_open(bytes, len, &manifest, &module, why, sizeof why) == WM_OK &&
           is_module(module, manifest.digest);
}

/* The manifest's spans lie in this copy from then on. */
static bool takes_context(const uint8_t *bytes, size_t len) {
    static uint8_t context[4096];
    char why[SLOT_WHY_CAP];
    if (len > sizeof context)
        return false;
    memcpy(context, bytes, len);
    wm_status status = bundle_open(context, len, &instance.manifest, &instance.module, why, sizeof why);
    sensor.channels = instance.manifest.input[0].channels;
    return status == WM_OK;
}

static bool takes_request(void (*handle)(const struct coap_request *, struct coap_response *),
                          int method, const uint8_t *bytes, size_t len) {
    static uint8_t body[COAP_BODY_MAX];
    struct coap_request request = {
        .method = (uint8_t)method, .format = COAP_FORMAT_CBOR, .payload = bytes, .len = len};
    struct coap_response response = {.body = body, .cap = sizeof body};
    request.wild[0] = "sensor";
    handle(&request, &response);
    return response.code != COAP_400_BAD_REQUEST;
}

static bool takes(enum kind kind, const uint8_t *bytes, size_t len) {
    char why[SLOT_WHY_CAP];
    switch (kind) {
    case FLUSH:
        break;
    case CONTEXT:
        return takes_context(bytes, len);
    case BUNDLE:
        return takes_bundle(bytes, len);
    case CONTROL:
        return takes_request(res_module_control, COAP_POST, bytes, len);
    case CONFIG:
        return takes_request(res_module_config, COAP_PUT, bytes, len);
    case TRACE:
        return takes_request(res_module_trace, COAP_PUT, bytes, len);
    case EVENT:
        return takes_request(res_module_event, COAP_POST, bytes, len);
    case KEY_CHANGE:
        return trust_change(bytes, len, false, why, sizeof why) != WM_EINVAL;
    case NODE_ORDER:
        return restart_order(bytes, len, false, why, sizeof why) != WM_EINVAL;
    case SAMPLES:
        return takes_request(res_sensor, COAP_PUT, bytes, len);
    case TIME:
        return takes_request(res_time, COAP_PUT, bytes, len);
    }
    fprintf(stderr, "no such question: %u\n", (unsigned)kind);
    exit(2);
}

/* In a block of its own, so that a read behind its end is seen. */
static bool answer(enum kind kind, size_t len) {
    uint8_t *bytes = malloc(len + !len);
    if (!bytes || fread(bytes, 1, len, stdin) != len)
        exit(2);
    bool taken = takes(kind, bytes, len);
    free(bytes);
    return taken;
}

int main(void) {
    uint8_t head[5];
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        uint32_t len = get_le32(head + 1);
        if (len > QUESTION_MAX)
            return 2;
        if (head[0] == FLUSH)
            fflush(stdout);
        else
            putchar(answer((enum kind)head[0], len) ? '1' : '0');
    }
    return fflush(stdout) ? 2 : 0;
}
