#include "node/intake.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "node/counters.h"
#include "node/trust.h"

#define HEAD_TOO_LONG "the bundle's manifest, with its signature, has more than %d bytes"
#define NOT_SIGNED "the bundle is not signed, and this node takes modules of its keys only"

void intake_begin(struct intake *intake) {
    intake->again = false;
    intake->judged = false;
    intake->hashed = 0;
    sha256_init(&intake->hash);
}

void intake_begin_again(struct intake *intake) {
    intake_begin(intake);
    intake->again = true;
}

static wm_status check_class(const struct manifest *m, char *why, size_t why_cap) {
    if (strcmp(m->device_class, "any") == 0 || strcmp(m->device_class, BOARD_CPU) == 0 ||
        strcmp(m->device_class, BOARD_NAME) == 0)
        return WM_OK;
    snprintf(why, why_cap, "made for device class %s, this is a %s (%s)", m->device_class, BOARD_NAME,
             BOARD_CPU);
    return WM_EPERM;
}

static wm_status check_sequence(const struct manifest *m, char *why, size_t why_cap) {
    uint32_t newest = counter_get(COUNTER_OF_MODULES, m->name);
    if (trust_is_development() || m->sequence >= newest)
        return WM_OK;
    snprintf(why, why_cap, "%s with sequence number %u is older than %u, which ran here", m->name,
             (unsigned)m->sequence, (unsigned)newest);
    return WM_EPERM;
}

static wm_status check_manifest(const struct intake *intake, const struct bundle_head *head, char *why,
                                size_t why_cap) {
    struct manifest manifest;
    wm_status status = manifest_read(head->manifest.bytes, head->manifest.len, &manifest, why, why_cap);
    if (status == WM_OK)
        status = manifest_check_size(&manifest, head->module_len, why, why_cap);
    if (status == WM_OK)
        status = check_class(&manifest, why, why_cap);
    return status || intake->again ? status : check_sequence(&manifest, why, why_cap);
}

static wm_status check_signature(const struct bundle_head *head, char *why, size_t why_cap) {
    if (trust_is_development())
        return WM_OK;
    if (head->is_signed)
        return trust_check(&head->envelope, "", why, why_cap);
    snprintf(why, why_cap, NOT_SIGNED);
    return WM_EPERM;
}

/* What would not fit, or be refused at the end, is so before anything is erased for it. What is in a
 * bank already was let in by what held then. */
static wm_status check_room(const struct intake *intake, const struct bundle_head *head, char *why,
                            size_t why_cap) {
    if (intake->again)
        return WM_OK;
    if (head->module_at > MODULE_HEAD_MAX) {
        snprintf(why, why_cap, HEAD_TOO_LONG, MODULE_HEAD_MAX);
        return WM_ETOOLARGE;
    }
    if (head->module_len <= MODULE_BANK_BYTES - head->module_at)
        return WM_OK;
    snprintf(why, why_cap, "the bundle is too large, a bank holds %u bytes",
             (unsigned)MODULE_BANK_BYTES);
    return WM_ETOOLARGE;
}

static wm_status judge(struct intake *intake, const struct bundle_head *head, char *why,
                       size_t why_cap) {
    wm_status status = check_signature(head, why, why_cap);
    if (status == WM_OK)
        status = check_manifest(intake, head, why, why_cap);
    if (status == WM_OK)
        status = check_room(intake, head, why, why_cap);
    intake->judged = status == WM_OK;
    intake->hashed = head->module_at;
    return status;
}

/* The manifest is decoded once more: keeping it would take more RAM than that takes time. */
static wm_status check_whole(struct intake *intake, const uint8_t *bundle, size_t len, char *why,
                             size_t why_cap) {
    struct manifest manifest;
    struct span module;
    uint8_t digest[SHA256_BYTES];
    wm_status status = bundle_open(bundle, len, &manifest, &module, why, why_cap);
    if (status)
        return status;
    sha256_final(&intake->hash, digest);
    if (memcmp(digest, manifest.digest, sizeof digest) == 0)
        return WM_OK;
    snprintf(why, why_cap, "the module does not match the SHA-256 of its manifest");
    return WM_EDIGEST;
}

static wm_status look_at_head(struct intake *intake, const uint8_t *bundle, size_t len, bool more,
                              char *why, size_t why_cap) {
    struct bundle_head head;
    if (bundle_get_head(bundle, len, &head))
        return judge(intake, &head, why, why_cap);
    if (!head.is_cut || !more) {
        snprintf(why, why_cap, NOT_A_BUNDLE);
        return WM_EINVAL;
    }
    if (len < MODULE_HEAD_MAX)
        return WM_OK;
    snprintf(why, why_cap, HEAD_TOO_LONG, MODULE_HEAD_MAX);
    return WM_ETOOLARGE;
}

static wm_status look(struct intake *intake, const uint8_t *bundle, size_t len, bool more, char *why,
                      size_t why_cap) {
    wm_status status = intake->judged ? WM_OK : look_at_head(intake, bundle, len, more, why, why_cap);
    if (status)
        return status;
    if (intake->judged) {
        sha256_update(&intake->hash, bundle + intake->hashed, len - intake->hashed);
        intake->hashed = len;
    }
    return more ? WM_OK : check_whole(intake, bundle, len, why, why_cap);
}

wm_status intake_look(struct intake *intake, const uint8_t *bundle, size_t len, bool more, char *why,
                      size_t why_cap) {
    bool development = trust_is_development();
    if (trust_is_damaged()) {
        snprintf(why, why_cap, TRUST_DAMAGED);
        return WM_EPERM;
    }
    if (!development && len && bundle[0] != COSE_SIGN1_FIRST_BYTE) {
        snprintf(why, why_cap, NOT_SIGNED);
        return WM_EPERM;
    }
    wm_status status = look(intake, bundle, len, more, why, why_cap);
    return status && status != WM_ETOOLARGE && !development ? WM_EPERM : status;
}

wm_status intake_may_run(const struct manifest *m, char *why, size_t why_cap) {
    return check_sequence(m, why, why_cap);
}

wm_status intake_runs(const struct manifest *m, char *why, size_t why_cap) {
    wm_status status = check_sequence(m, why, why_cap);
    if (status || trust_is_development())
        return status;
    if (counter_raise(COUNTER_OF_MODULES, m->name, m->sequence) == WM_OK)
        return WM_OK;
    snprintf(why, why_cap, "the sequence number of %s could not be kept", m->name);
    return WM_ENOTSUP;
}
