#include <stdio.h>
#include <string.h>

#include "config.h"
#include "hal.h"
#include "node/res_install.h"
#include "node/resources.h"
#include "node/slot.h"
#include "node/state.h"
#include "node/stream.h"
#include "store/store.h"

/* ---- status --------------------------------------------------------------------------------- */

static void put_release(struct cbor_out *out, unsigned first_key, const char *name, const char *version,
                        uint32_t sequence, const uint8_t digest[SHA256_BYTES]) {
    cbor_put_uint(out, first_key);
    cbor_put_text(out, name);
    cbor_put_uint(out, first_key + 1);
    cbor_put_text(out, version);
    cbor_put_uint(out, first_key + 2);
    cbor_put_uint(out, sequence);
    cbor_put_uint(out, first_key + 3);
    cbor_put_bytes(out, digest, SHA256_BYTES);
}

static void put_instance(struct cbor_out *out, unsigned first_key, const struct instance *instance) {
    const struct manifest *m = &instance->manifest;
    put_release(out, first_key, m->name, m->version, m->sequence, m->digest);
}

static void put_signer(struct cbor_out *out, unsigned key, const struct instance *instance) {
    if (!instance->is_signed)
        return;
    cbor_put_uint(out, key);
    cbor_put_bytes(out, instance->signer, sizeof instance->signer);
}

static void put_work(struct cbor_out *out, const struct slot *slot) {
    const struct instance *instance = slot->active;
    struct runtime_usage usage = {0};
    if (runtime_is_loaded(&instance->runtime))
        runtime_usage(&instance->runtime, &usage);
    cbor_put_uint(out, 6);
    cbor_put_uint(out, instance->events);
    cbor_put_uint(out, 7);
    cbor_put_uint(out, slot->traps);
    cbor_put_uint(out, 8);
    cbor_put_uint(out, instance->time_us);
    cbor_put_uint(out, 9);
    cbor_put_uint(out, instance->longest_us);
    cbor_put_uint(out, 10);
    cbor_put_uint(out, usage.arena_bytes);
    if (instance->refused) {
        cbor_put_uint(out, 25);
        cbor_put_uint(out, instance->refused);
    }
}

static void put_streams(struct cbor_out *out, int index) {
    size_t count = 0;
    for (uint32_t i = 0; i < MODULE_STREAMS_MAX; i++)
        count += stream_at(index, i) != NULL;
    cbor_put_uint(out, 13);
    cbor_put_array(out, count);
    for (uint32_t i = 0; i < MODULE_STREAMS_MAX; i++) {
        const struct stream *stream = stream_at(index, i);
        if (!stream)
            continue;
        cbor_put_map(out, 2);
        cbor_put_uint(out, 0);
        cbor_put_text(out, stream->name);
        cbor_put_uint(out, 1);
        cbor_put_uint(out, stream->ring.next);
    }
}

static void put_swap(struct cbor_out *out, const struct slot *slot) {
    cbor_put_uint(out, 14);
    cbor_put_bool(out, slot->handed == HAND_OVER_SAME || slot->handed == HAND_OVER_MIGRATED);
    cbor_put_uint(out, 15);
    cbor_put_uint(out, slot->swap_us);
    cbor_put_uint(out, 17);
    cbor_put_uint(out, slot->handed);
    cbor_put_uint(out, 18);
    cbor_put_bool(out, slot->in_place);
}

static size_t probation_pairs(const struct slot *slot, int index) {
    return (slot_is_on_probation(index) ? 1u : 0u) + (slot->fallback.name[0] ? 1u : 0u) +
           (store_slot(index)->cause ? 1u : 0u) + (slot->restart.armed ? 1u : 0u) +
           (slot->row ? 1u : 0u);
}

static void put_fallback(struct cbor_out *out, const struct release_name *fallback) {
    cbor_put_uint(out, 20);
    cbor_put_map(out, 4);
    put_release(out, 0, fallback->name, fallback->version, fallback->sequence, fallback->digest);
}

static void put_failed(struct cbor_out *out, const struct store_slot *record) {
    cbor_put_uint(out, 21);
    cbor_put_array(out, 2);
    cbor_put_uint(out, record->cause);
    cbor_put_bytes(out, record->failed, sizeof record->failed);
}

static uint64_t until_restart_ms(const struct slot *slot) {
    uint64_t now = hal_now_us();
    return slot->restart.at_us > now ? (slot->restart.at_us - now) / 1000 : 0;
}

static void put_probation(struct cbor_out *out, const struct slot *slot, int index) {
    if (slot_is_on_probation(index)) {
        cbor_put_uint(out, 19);
        cbor_put_uint(out, slot->probation_left);
    }
    if (slot->fallback.name[0])
        put_fallback(out, &slot->fallback);
    if (store_slot(index)->cause)
        put_failed(out, store_slot(index));
    if (slot->restart.armed) {
        cbor_put_uint(out, 22);
        cbor_put_uint(out, until_restart_ms(slot));
    }
    if (slot->row) {
        cbor_put_uint(out, 23);
        cbor_put_uint(out, slot->row);
    }
}

static size_t status_pairs(const struct slot *slot, int index) {
    return 2 + (slot->active ? 10u + slot->active->is_signed + (slot->active->refused > 0) : 0u) +
           (slot->why[0] ? 1u : 0u) + (slot->candidate ? 1u : 0u) + (slot->swapped ? 4u : 0u) +
           (slot->missed ? 1u : 0u) + probation_pairs(slot, index);
}

static void put_notes(struct cbor_out *out, const struct slot *slot) {
    if (slot->why[0]) {
        cbor_put_uint(out, 11);
        cbor_put_text(out, slot->why);
    }
    if (slot->candidate) {
        cbor_put_uint(out, 12);
        cbor_put_map(out, 4u + slot->candidate->is_signed);
        put_instance(out, 0, slot->candidate);
        put_signer(out, 4, slot->candidate);
    }
}

static void put_slot(struct cbor_out *out, int index) {
    const struct slot *slot = slot_at(index);
    cbor_put_map(out, status_pairs(slot, index));
    cbor_put_uint(out, 0);
    cbor_put_uint(out, (unsigned)index);
    cbor_put_uint(out, 1);
    cbor_put_uint(out, slot->state);
    if (slot->active) {
        put_instance(out, 2, slot->active);
        put_work(out, slot);
        put_signer(out, 24, slot->active);
    }
    put_notes(out, slot);
    if (slot->active)
        put_streams(out, index);
    if (slot->swapped)
        put_swap(out, slot);
    if (slot->missed) {
        cbor_put_uint(out, 16);
        cbor_put_uint(out, slot->missed);
    }
    put_probation(out, slot, index);
}

void res_modules(const struct coap_request *request, struct coap_response *response) {
    struct cbor_out out;
    (void)request;
    cbor_out_init(&out, response->body, response->cap);
    cbor_put_array(&out, MODULE_SLOTS);
    for (int index = 0; index < MODULE_SLOTS; index++)
        put_slot(&out, index);
    respond_cbor(response, &out);
}

void list_slots(void (*emit)(void *arg, const char *path), void *arg, const char *suffix) {
    for (int index = 0; index < MODULE_SLOTS; index++) {
        char path[COAP_PATH_MAX];
        snprintf(path, sizeof path, "modules/%d%s", index, suffix);
        emit(arg, path);
    }
}

void res_module_list(void (*emit)(void *arg, const char *path), void *arg) {
    list_slots(emit, arg, "");
}

void res_module_control_list(void (*emit)(void *arg, const char *path), void *arg) {
    list_slots(emit, arg, "/control");
}

void res_module_config_list(void (*emit)(void *arg, const char *path), void *arg) {
    list_slots(emit, arg, "/config");
}

/* ---- install and remove
 * -------------------------------------------------------------------------------- */

void refuse_slot(struct coap_response *response, wm_status status, const char *why) {
    switch (status) {
    case WM_EINVAL:
    case WM_EDIGEST:
        coap_fail(response, COAP_400_BAD_REQUEST, "%s", why);
        break;
    case WM_EPERM:
        coap_fail(response, COAP_403_FORBIDDEN, "%s", why);
        break;
    case WM_EAGAIN:
        coap_fail(response, COAP_408_INCOMPLETE, "%s", why);
        break;
    case WM_EBUSY:
        coap_fail(response, COAP_409_CONFLICT, "%s", why);
        break;
    case WM_ETOOLARGE:
        coap_fail(response, COAP_413_TOO_LARGE, "%s", why);
        break;
    case WM_EIO:
        coap_fail(response, COAP_500_INTERNAL, "%s", why);
        break;
    default:
        coap_fail(response, COAP_422_UNPROCESSABLE, "%s", why);
    }
}

static void remove_module(int index, struct coap_response *response) {
    char why[SLOT_WHY_CAP];
    install_abandon(index);
    wm_status status = slot_remove(index, why, sizeof why);
    if (status)
        refuse_slot(response, status, why);
    else
        response->code = COAP_202_DELETED;
}

void res_module(const struct coap_request *request, struct coap_response *response) {
    int index = slot_of_path(request, response);
    if (index < 0)
        return;
    if (request->method == COAP_PUT) {
        install(index, request, response);
    } else if (request->method == COAP_DELETE) {
        remove_module(index, response);
    } else {
        struct cbor_out out;
        cbor_out_init(&out, response->body, response->cap);
        put_slot(&out, index);
        respond_cbor(response, &out);
    }
}

void res_module_abandon(const char *path) {
    int index = path[strlen("modules/")] - '0';
    if (slot_at(index))
        install_abandon(index);
}

/* ---- control -------------------------------------------------------------------------------- */

enum operation {
    OPERATION_START,
    OPERATION_STOP,
    OPERATION_SWAP,
    OPERATION_PAUSE,
    OPERATION_RESUME,
    OPERATION_CONFIRM,
    OPERATION_ROLL_BACK,
    OPERATION_COUNT
};

struct control {
    uint64_t operation;
    struct span first; /* CBOR map: stream name => sequence number */
    int beside;        /* a slot, or MODULE_SLOTS, which is none; -1: not beside another */
};

static bool is_numbering(struct cbor_in in) {
    size_t pairs = cbor_get_map(&in);
    while (pairs-- && !in.error) {
        size_t len;
        cbor_get_text(&in, &len);
        if (cbor_get_uint(&in) > UINT32_MAX)
            return false;
    }
    return !in.error;
}

static bool decode_control(const struct coap_request *request, struct control *control) {
    struct cbor_in in;
    *control = (struct control){.operation = OPERATION_COUNT, .beside = -1};
    cbor_in_whole(&in, request->payload, request->len);
    size_t pairs = cbor_get_map(&in);
    while (pairs-- && !in.error) {
        uint64_t key = cbor_get_uint(&in);
        if (key == 0) {
            control->operation = cbor_get_uint(&in);
            continue;
        }
        if (key == 2) {
            uint64_t slot = cbor_get_uint(&in);
            control->beside = slot < MODULE_SLOTS ? (int)slot : MODULE_SLOTS;
            continue;
        }
        control->first.bytes = in.at;
        if (key != 1 || !is_numbering(in))
            return false;
        cbor_skip(&in);
        control->first.len = (size_t)(in.at - control->first.bytes);
    }
    if (control->beside >= 0 && control->operation != OPERATION_START)
        return false;
    return !in.error && cbor_at_end(&in) && control->operation < OPERATION_COUNT;
}

static wm_status operate(int index, const struct control *control, struct slot_numbering numbering,
                         char *why, size_t why_cap) {
    switch (control->operation) {
    case OPERATION_START:
        return control->beside < 0 ? slot_start(index, numbering, why, why_cap)
                                   : slot_start_beside(index, control->beside, numbering, why, why_cap);
    case OPERATION_SWAP:
        return slot_swap(index, numbering, why, why_cap);
    case OPERATION_PAUSE:
        return slot_pause(index, why, why_cap);
    case OPERATION_RESUME:
        return slot_resume(index, why, why_cap);
    case OPERATION_CONFIRM:
        return slot_confirm(index, why, why_cap);
    case OPERATION_ROLL_BACK:
        return slot_roll_back(index, why, why_cap);
    default:
        return slot_stop(index, why, why_cap);
    }
}

void res_module_control(const struct coap_request *request, struct coap_response *response) {
    int index = slot_of_path(request, response);
    if (index < 0 || !require_format(request, response, COAP_FORMAT_CBOR, "a control map"))
        return;
    struct control control;
    if (!decode_control(request, &control)) {
        coap_fail(response, COAP_400_BAD_REQUEST,
                  "expected {0: 0 start / 1 stop / 2 swap / 3 pause / 4 resume / 5 confirm / "
                  "6 roll back, ? 1: {stream: seq}, ? 2: slot to start beside}");
        return;
    }
    char why[SLOT_WHY_CAP];
    struct slot_numbering numbering = {state_stream_number, &control.first};
    wm_status status = operate(index, &control, numbering, why, sizeof why);
    if (status)
        refuse_slot(response, status, why);
    else
        response->code = COAP_204_CHANGED;
}

/* ---- config --------------------------------------------------------------------------------- */

static void get_config(int index, struct coap_response *response) {
    const struct instance *instance = slot_at(index)->active;
    struct cbor_out out;
    cbor_out_init(&out, response->body, response->cap);
    if (instance)
        cbor_put_raw(&out, instance->config, instance->config_len);
    else
        cbor_put_map(&out, 0);
    respond_cbor(response, &out);
}

void res_module_config(const struct coap_request *request, struct coap_response *response) {
    int index = slot_of_path(request, response);
    if (index < 0)
        return;
    if (request->method == COAP_GET) {
        get_config(index, response);
        return;
    }
    if (!require_format(request, response, COAP_FORMAT_CBOR, "a map from parameter to number"))
        return;
    char why[SLOT_WHY_CAP];
    struct span chosen = {request->payload, request->len};
    wm_status status = slot_configure(index, chosen, why, sizeof why);
    if (status)
        refuse_slot(response, status, why);
    else
        response->code = COAP_204_CHANGED;
}
