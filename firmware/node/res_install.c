/* PUT on /modules/N. Where the block that completes the manifest finds no blank bank the answer comes
 * later: erasing one takes longer than a client waits, and some boards stand still for it. */
#include "node/res_install.h"

#include "config.h"
#include "core/loop.h"
#include "hal.h"
#include "node/intake.h"
#include "node/resources.h"
#include "node/slot.h"

#define POLL_US 5000u
#define READINGS_FIRST_US                                                                               \
    10000000u /* for so long readings that wait come before an erase; then modules are too slow for     \
                 them */

/* Whose answer is due while a bank is made ready. */
static struct {
    struct coap_deferral *deferral; /* NULL: none waits */
    int slot;
    uint64_t since_us;
    struct loop_timer timer;
} waiting;

static void refuse_upload(struct coap_response *response, wm_status status, const char *why) {
    if (status == WM_EBUSY)
        coap_fail(response, COAP_503_UNAVAILABLE, "%s", why);
    else
        refuse_slot(response, status, why);
}

static void answer(bool fresh, wm_status status, const char *why, struct coap_response *response) {
    if (status)
        refuse_upload(response, status, why);
    else
        response->code = fresh ? COAP_201_CREATED : COAP_204_CHANGED;
}

static bool is_fresh(int index) {
    return !slot_at(index)->active;
}

/* ---- answering later -------------------------------------------------------------------- */

static void complete(struct coap_response *response) {
    struct coap_deferral *deferral = waiting.deferral;
    waiting.deferral = NULL;
    loop_timer_cancel(&waiting.timer);
    coap_complete(deferral, response);
}

/* By other ways than its client's: the keys have changed. */
static void was_ended(void) {
    struct coap_response response;
    coap_deferred_begin(waiting.deferral, &response);
    coap_fail(&response, COAP_408_INCOMPLETE, "the upload was ended");
    complete(&response);
}

/* The first time in a turn after the one that sent the empty ACK. */
static void prepare(void *arg) {
    char why[SLOT_WHY_CAP];
    struct coap_response response;
    (void)arg;
    if (!slot_is_uploaded_to(waiting.slot)) {
        was_ended();
        return;
    }
    bool readings_first = hal_now_us() - waiting.since_us < READINGS_FIRST_US;
    wm_status status = slot_upload_prepare(waiting.slot, readings_first, why, sizeof why);
    if (status == WM_EAGAIN) {
        loop_timer_at(&waiting.timer, hal_now_us() + POLL_US, prepare, NULL);
        return;
    }
    coap_deferred_begin(waiting.deferral, &response);
    answer(is_fresh(waiting.slot), status, why, &response);
    complete(&response);
}

static void wait_for_bank(int index, const struct coap_request *request,
                          struct coap_response *response) {
    waiting.deferral = coap_defer(request, response);
    if (!waiting.deferral)
        return;
    waiting.slot = index;
    waiting.since_us = hal_now_us();
    loop_timer_at(&waiting.timer, waiting.since_us, prepare, NULL);
}

/* A block in the place of the one that waits: its client has given that up. */
static void go_on_waiting(const struct coap_request *request, wm_status status, const char *why) {
    struct coap_response response;
    coap_defer_instead(waiting.deferral, request);
    if (status == WM_OK)
        return; /* prepare() answers it */
    coap_deferred_begin(waiting.deferral, &response);
    refuse_upload(&response, status, why);
    complete(&response);
}

void install_abandon(int index) {
    slot_upload_abandon(index);
    if (waiting.deferral && waiting.slot == index)
        was_ended();
}

/* ---- blocks ----------------------------------------------------------------------------- */

bool install_proves(const uint8_t *first, size_t len) {
    char why[SLOT_WHY_CAP];
    struct intake intake;
    intake_begin(&intake);
    return intake_look(&intake, first, len, true, why, sizeof why) == WM_OK && intake.judged;
}

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
    char why[SLOT_WHY_CAP];
    bool fresh = is_fresh(index);
    wm_status status = slot_upload(index, request->offset, request->payload, request->len, request->more,
                                   why, sizeof why);
    if (slot_upload_is_judged(index))
        coap_upload_prove();
    if (waiting.deferral)
        go_on_waiting(request, status, why);
    else if (status == WM_OK && slot_upload_waits(index))
        wait_for_bank(index, request, response);
    else
        answer(fresh, status, why, response);
}
