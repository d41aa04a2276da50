#include "node/instance.h"

#include <stdio.h>
#include <string.h>

#include "hal.h"
#include "node/clock.h"
#include "node/guest_host.h"
#include "node/intake.h"
#include "node/module_config.h"
#include "node/sensor.h"
#include "node/state.h"
#include "node/trace.h"
#include "store/pool.h"

_Static_assert(MANIFEST_PAGE_BYTES == RUNTIME_PAGE_BYTES, "one page is the same everywhere");

/* ---- checks before the engine ----------------------------------------------------------- */

static wm_status check_target(const struct manifest *m, char *why, size_t why_cap) {
    if (m->abi != RUNTIME_ABI_VERSION) {
        snprintf(why, why_cap, "built for guest ABI %u, this node speaks %u", (unsigned)m->abi,
                 RUNTIME_ABI_VERSION);
        return WM_ENOTSUP;
    }
    if (m->stack_bytes > MODULE_STACK_MAX) {
        snprintf(why, why_cap, "asks for %u bytes of Wasm stack, this node gives at most %u",
                 (unsigned)m->stack_bytes, (unsigned)MODULE_STACK_MAX);
        return WM_ENOTSUP;
    }
    if (m->budget_us > MODULE_EVENT_BUDGET_MAX_US) {
        snprintf(why, why_cap, "asks for %u us for one event, this node gives at most %u",
                 (unsigned)m->budget_us, (unsigned)MODULE_EVENT_BUDGET_MAX_US);
        return WM_ENOTSUP;
    }
    return WM_OK;
}

static wm_status check_inputs(const struct manifest *m, char *why, size_t why_cap) {
    for (uint32_t i = 0; i < m->input_count; i++)
        if (sensor_check(&m->input[i], why, why_cap))
            return WM_ENOTSUP;
    return WM_OK;
}

static wm_status check(const struct manifest *m, char *why, size_t why_cap) {
    wm_status status = check_target(m, why, why_cap);
    return status ? status : check_inputs(m, why, why_cap);
}

/* ---- the bundle, in flash ---------------------------------------------------------------- */

/* Windows are few on some boards, and may lie elsewhere each time: the manifest's spans are found anew.
 */
static wm_status map(struct instance *instance, char *why, size_t why_cap) {
    if (instance->bundle)
        return WM_OK;
    instance->bundle = pool_map(instance->bank, instance->bundle_len);
    if (!instance->bundle) {
        snprintf(why, why_cap, "the flash cannot be read");
        return WM_EIO;
    }
    return bundle_open(instance->bundle, instance->bundle_len, &instance->manifest, &instance->module,
                       why, why_cap);
}

static void unmap(struct instance *instance) {
    struct manifest *m = &instance->manifest;
    const struct span nothing = {NULL, 0};
    hal_flash_unmap(instance->bundle);
    instance->bundle = NULL;
    instance->module = m->config = nothing;
    for (uint32_t i = 0; i < m->input_count; i++)
        m->input[i].channel = m->input[i].unit = nothing;
}

static wm_status merge_config(struct instance *instance, struct span chosen, char *why, size_t why_cap) {
    uint8_t merged[MODULE_CONFIG_MAX];
    int len = module_config_merge(instance->manifest.config, chosen, merged, sizeof merged);
    if (len < 0) {
        snprintf(why, why_cap, "the parameters need more than %u bytes", (unsigned)MODULE_CONFIG_MAX);
        return (wm_status)len;
    }
    memcpy(instance->config, merged, (size_t)len);
    instance->config_len = (size_t)len;
    return WM_OK;
}

static void note_signer(struct instance *instance) {
    struct bundle_head head;
    if (!bundle_get_head(instance->bundle, instance->bundle_len, &head) || !head.is_signed ||
        head.envelope.key_id.len != sizeof instance->signer)
        return;
    instance->is_signed = true;
    memcpy(instance->signer, head.envelope.key_id.bytes, sizeof instance->signer);
}

wm_status instance_open(struct instance *instance, int slot, int bank, uint32_t len, char *why,
                        size_t why_cap) {
    memset(instance, 0, sizeof *instance);
    instance->slot = slot;
    instance->bank = bank;
    instance->bundle_len = len;
    wm_status status = map(instance, why, why_cap);
    if (status == WM_OK)
        note_signer(instance);
    if (status == WM_OK)
        status = check(&instance->manifest, why, why_cap);
    if (status == WM_OK)
        status = merge_config(instance, (struct span){NULL, 0}, why, why_cap);
    unmap(instance);
    instance->host = guest_host_api(instance->manifest.capabilities);
    instance_unbind(instance);
    if (status)
        instance->bank = STORE_NO_BANK;
    return status;
}

wm_status instance_judge(struct instance *instance, char *why, size_t why_cap) {
    struct intake intake;
    intake_begin_again(&intake);
    wm_status status = map(instance, why, why_cap);
    if (status == WM_OK)
        status = intake_look(&intake, instance->bundle, instance->bundle_len, false, why, why_cap);
    unmap(instance);
    return status;
}

void instance_unbind(struct instance *instance) {
    for (uint32_t i = 0; i < MODULE_INPUTS_MAX; i++)
        instance->sensor[i] = WM_ENOENT;
}

void instance_close(struct instance *instance) {
    instance_unload(instance);
    instance->bank = STORE_NO_BANK;
}

/* ---- load and start --------------------------------------------------------------------- */

static uint32_t largest_sample(const struct manifest *m) {
    uint32_t channels = 0;
    for (uint32_t i = 0; i < m->input_count; i++)
        if (m->input[i].channels > channels)
            channels = m->input[i].channels;
    return channels * (uint32_t)sizeof(float);
}

/* A state of another size than the manifest says would be lost in every swap. */
static wm_status check_state(struct instance *instance, char *why, size_t why_cap) {
    const struct manifest *m = &instance->manifest;
    uint32_t size;
    if (m->state_bytes == 0)
        return WM_OK;
    wm_status status = runtime_state_size(&instance->runtime, &size, why, why_cap);
    if (status || size == m->state_bytes)
        return status;
    snprintf(why, why_cap, "its manifest declares a state of %u bytes, the module's has %u",
             (unsigned)m->state_bytes, (unsigned)size);
    return WM_ENOTSUP;
}

wm_status instance_load(struct instance *instance, char *why, size_t why_cap) {
    const struct manifest *m = &instance->manifest;
    struct runtime_limits limits = {
        .memory_pages = m->pages,
        .memory_bytes = m->memory_bytes,
        .stack_bytes = m->stack_bytes,
        .budget_us = m->budget_us,
        .sample_bytes = largest_sample(m),
    };
    hal_watchdog_feed();
    wm_status status = map(instance, why, why_cap);
    if (status == WM_OK)
        status = runtime_load(&instance->runtime, instance->module.bytes, instance->module.len, &limits,
                              &instance->host, instance, why, why_cap);
    if (status == WM_OK && (status = check_state(instance, why, why_cap)) != WM_OK)
        runtime_unload(&instance->runtime);
    if (status)
        unmap(instance);
    return status;
}

void instance_unload(struct instance *instance) {
    runtime_unload(&instance->runtime);
    unmap(instance);
}

void instance_leave(struct instance *instance, struct legacy *legacy) {
    *legacy = (struct legacy){.state = NULL};
    if (!runtime_is_loaded(&instance->runtime) || instance->manifest.state_bytes == 0)
        return;
    legacy->state = runtime_state(&instance->runtime, &legacy->len);
    legacy->lost = legacy->len != instance->manifest.state_bytes;
    if (legacy->lost)
        legacy->state = NULL;
    memcpy(legacy->schema, instance->manifest.state_schema, sizeof legacy->schema);
}

static wm_status hand_over(struct instance *to, const struct legacy *legacy, enum hand_over *handed,
                           char *why, size_t why_cap) {
    size_t len;
    bool took = false;
    *handed = legacy->lost ? HAND_OVER_FRESH : HAND_OVER_NONE;
    if (!legacy->state)
        return WM_OK;
    *handed = HAND_OVER_FRESH;
    if (strcmp(to->manifest.state_schema, legacy->schema) == 0 &&
        to->manifest.state_bytes == legacy->len) {
        uint8_t *target = runtime_state(&to->runtime, &len);
        if (target && len == legacy->len) {
            memcpy(target, legacy->state, len);
            *handed = HAND_OVER_SAME;
        }
        return WM_OK;
    }
    wm_status status =
        runtime_migrate(&to->runtime, legacy->state, legacy->len, legacy->schema, &took, why, why_cap);
    if (took)
        *handed = HAND_OVER_MIGRATED;
    return status == WM_EINVAL ? WM_ETRAP : status; /* no room in its buffer: the guest's fault */
}

/* Every way into the module's events passes begin() and account(). One event is bounded by its
 * budget, but a request with many samples is many events in one turn of the loop: the watchdog is
 * fed before each. */
static uint64_t begin(struct instance *instance) {
    instance->event_refused = false;
    hal_watchdog_feed();
    return hal_now_us();
}

static void account(struct instance *instance, uint64_t began_us, wm_status status, const char *why) {
    uint64_t spent = hal_now_us() - began_us;
    trace_end(instance, status ? why : NULL);
    instance->events++;
    instance->time_us += spent;
    if (spent > instance->longest_us)
        instance->longest_us = (uint32_t)spent;
}

bool instance_refused(struct instance *instance, enum refusal kind) {
    uint8_t bit = (uint8_t)(1u << kind);
    bool is_first = !(instance->refused_kinds & bit);
    instance->refused_kinds |= bit;
    instance->refused++;
    instance->event_refused = true;
    return is_first;
}

static wm_status give_config(struct instance *instance, char *why, size_t why_cap) {
    if (!instance->manifest.config.len)
        return WM_OK;
    uint64_t began = begin(instance);
    trace_config(instance);
    wm_status status =
        runtime_on_config(&instance->runtime, instance->config, instance->config_len, why, why_cap);
    account(instance, began, status, why);
    return status == WM_EINVAL ? WM_ETRAP : status; /* no room for them: the guest's fault */
}

static wm_status bind_inputs(struct instance *instance, char *why, size_t why_cap) {
    for (uint32_t i = 0; i < instance->manifest.input_count; i++) {
        int sensor = sensor_bind(&instance->manifest.input[i], why, why_cap);
        if (sensor < 0)
            return WM_ENOTSUP;
        instance->sensor[i] = sensor;
    }
    return WM_OK;
}

static wm_status prepare(struct instance *instance, struct span chosen, char *why, size_t why_cap) {
    trace_leave(instance);
    wm_status status = merge_config(instance, chosen, why, why_cap);
    if (status == WM_OK)
        status = bind_inputs(instance, why, why_cap);
    instance->events = 0;
    instance->refused = 0;
    instance->refused_kinds = 0;
    instance->time_us = 0;
    instance->longest_us = 0;
    hal_watchdog_feed();
    return status;
}

wm_status instance_start(struct instance *instance, struct span parameters, const struct legacy *legacy,
                         enum hand_over *handed, char *why, size_t why_cap) {
    wm_status status = prepare(instance, parameters, why, why_cap);
    if (status == WM_OK)
        status = runtime_start(&instance->runtime, why, why_cap);
    if (status)
        return status;
    hal_watchdog_feed();
    status = hand_over(instance, legacy, handed, why, why_cap);
    if (status)
        return status;
    hal_watchdog_feed();
    return give_config(instance, why, why_cap);
}

/* ---- snapshots -------------------------------------------------------------------------- */

static wm_status restore_whole(struct instance *instance, const struct state_head *head, char *why,
                               size_t why_cap) {
    wm_status status = runtime_snapshot_resize(&instance->runtime, head->memory_bytes);
    if (status)
        snprintf(why, why_cap, "the memory cannot have the %u bytes of the snapshot",
                 (unsigned)head->memory_bytes);
    else
        runtime_snapshot_clear(&instance->runtime);
    instance->events = head->events;
    return status;
}

static wm_status restore_declared(struct instance *instance, struct state_reader *reader, char *why,
                                  size_t why_cap) {
    size_t len;
    wm_status status = runtime_start(&instance->runtime, why, why_cap);
    if (status)
        return status;
    hal_watchdog_feed();
    reader->declared = runtime_state(&instance->runtime, &len);
    if (!reader->declared || len != reader->head.state_bytes) {
        snprintf(why, why_cap, "the module has no state of %u bytes",
                 (unsigned)reader->head.state_bytes);
        return WM_ENOTSUP;
    }
    memset(reader->declared, 0, len);
    return WM_OK;
}

wm_status instance_restore(struct instance *instance, struct state_reader *reader, bool whole, char *why,
                           size_t why_cap) {
    wm_status status = prepare(instance, reader->head.config, why, why_cap);
    if (status)
        return status;
    reader->whole = whole;
    return whole ? restore_whole(instance, &reader->head, why, why_cap)
                 : restore_declared(instance, reader, why, why_cap);
}

wm_status instance_restored(struct instance *instance, const struct state_reader *reader, char *why,
                            size_t why_cap) {
    return reader->whole ? WM_OK : give_config(instance, why, why_cap);
}

/* ---- events ----------------------------------------------------------------------------- */

wm_status instance_sample(struct instance *instance, uint32_t input, int64_t time_ms,
                          const float *values, size_t count, char *why, size_t why_cap) {
    uint64_t began = begin(instance);
    instance->may_emit = true;
    instance->event_ms = time_ms;
    trace_sample(instance, input, time_ms, values, count);
    wm_status status =
        runtime_on_sample(&instance->runtime, input, time_ms, values, count, why, why_cap);
    instance->may_emit = false;
    account(instance, began, status, why);
    return status;
}

wm_status instance_tick(struct instance *instance, int64_t now_ms, char *why, size_t why_cap) {
    if (!runtime_wants_tick(&instance->runtime))
        return WM_OK;
    uint64_t began = begin(instance);
    instance->may_emit = true;
    instance->event_ms = now_ms;
    trace_tick(instance, now_ms);
    wm_status status = runtime_on_tick(&instance->runtime, now_ms, why, why_cap);
    instance->may_emit = false;
    account(instance, began, status, why);
    return status;
}

static wm_status choose(struct instance *instance, struct span chosen, char *why, size_t why_cap) {
    wm_status status = module_config_check(instance->manifest.config, chosen, why, why_cap);
    return status ? status : merge_config(instance, chosen, why, why_cap);
}

wm_status instance_configure(struct instance *instance, struct span chosen, char *why, size_t why_cap) {
    bool is_loaded = runtime_is_loaded(&instance->runtime);
    wm_status status = map(instance, why, why_cap);
    if (status == WM_OK)
        status = choose(instance, chosen, why, why_cap);
    if (status == WM_OK && is_loaded)
        status = give_config(instance, why, why_cap);
    if (!is_loaded)
        unmap(instance);
    return status;
}
