/* PUT on /modules/N. Where its first block finds no blank bank the answer comes later: erasing one takes
 * longer than a client waits, and some boards stand still for it. */
#include "node/res_install.h"

#include <string.h>

#include "config.h"
#include "core/loop.h"
#include "hal.h"
#include "node/resources.h"
#include "node/slot.h"

#define POLL_US 5000u
#define READINGS_FIRST_US                                                                               \
    10000000u /* for so long readings that wait come before an erase; then modules are too slow for     \
                 them */

/* The first block, while a bank is made ready for it. */
static struct {
    struct coap_deferral *deferral; /* NULL: none waits */
    int slot;
    bool more;
    size_t len;
    uint8_t bytes[COAP_PDU_MAX];
    uint64_t since_us;
    struct loop_timer timer;
} waiting;

static void refuse_upload(struct coap_response *response, wm_status status, const char *why) {
    if (status == WM_EBUSY)
        coap_fail(response, COAP_503_UNAVAILABLE, "%s", why);
    else
        refuse_slot(response, status, why);
}

static void take_block(int index, uint32_t offset, const uint8_t *bytes, size_t len, bool more,
                       struct coap_response *response) {
    char why[SLOT_WHY_CAP];
    bool fresh = !slot_at(index)->active;
    wm_status status = slot_upload(index, offset, bytes, len, more, why, sizeof why);
    if (status)
        refuse_upload(response, status, why);
    else
        response->code = fresh ? COAP_201_CREATED : COAP_204_CHANGED;
}

/* ---- answering later -------------------------------------------------------------------- */

static void complete(struct coap_response *response) {
    struct coap_deferral *deferral = waiting.deferral;
    waiting.deferral = NULL;
    loop_timer_cancel(&waiting.timer);
    coap_complete(deferral, response);
}

/* The first time in a turn after the one that sent the empty ACK. */
static void prepare(void *arg) {
    char why[SLOT_WHY_CAP];
    struct coap_response response;
    (void)arg;
    bool readings_first = hal_now_us() - waiting.since_us < READINGS_FIRST_US;
    wm_status status = slot_upload_prepare(waiting.slot, readings_first, why, sizeof why);
    if (status == WM_EAGAIN) {
        loop_timer_at(&waiting.timer, hal_now_us() + POLL_US, prepare, NULL);
        return;
    }
    coap_deferred_begin(waiting.deferral, &response);
    if (status)
        refuse_upload(&response, status, why);
    else
        take_block(waiting.slot, 0, waiting.bytes, waiting.len, waiting.more, &response);
    complete(&response);
}

static void wait_for_bank(int index, const struct coap_request *request,
                          struct coap_response *response) {
    if (waiting.deferral) {
        coap_defer_instead(waiting.deferral, request);
    } else {
        waiting.deferral = coap_defer(request, response);
        if (!waiting.deferral)
            return;
        waiting.since_us = hal_now_us();
        loop_timer_at(&waiting.timer, waiting.since_us, prepare, NULL);
    }
    waiting.slot = index;
    waiting.more = request->more;
    waiting.len = request->len;
    if (request->len)
        memcpy(waiting.bytes, request->payload, request->len);
}

void install_abandon(int index) {
    struct coap_response response;
    slot_upload_abandon(index);
    if (!waiting.deferral || waiting.slot != index)
        return;
    coap_deferred_begin(waiting.deferral, &response);
    coap_fail(&response, COAP_408_INCOMPLETE, "the upload was ended");
    complete(&response);
}

/* ---- blocks ----------------------------------------------------------------------------- */

static bool is_too_large(const struct coap_request *request, struct coap_response *response) {
    if (request->total <= MODULE_BANK_BYTES && request->offset + request->len <= MODULE_BANK_BYTES)
        return false;
    coap_fail(response, COAP_413_TOO_LARGE, "the bundle is too large, a bank holds %u bytes",
              (unsigned)MODULE_BANK_BYTES);
    response->max_size = MODULE_BANK_BYTES;
    return true;
}

void install(int index, const struct coap_request *request, struct coap_response *response) {
    bool is_first = request->offset == 0;
    if (is_first && !require_format(request, response, COAP_FORMAT_BUNDLE, "a bundle"))
        return;
    if (is_too_large(request, response))
        return;
    if (is_first && (waiting.deferral || !slot_upload_is_ready(request->payload, request->len)))
        wait_for_bank(index, request, response);
    else
        take_block(index, request->offset, request->payload, request->len, request->more, response);
}
