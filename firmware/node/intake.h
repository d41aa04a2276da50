/* What decides whether a bundle may be installed, judged while it arrives (SPEC, /modules): signature,
 * device class and sequence number as soon as its head is there, the digest as the module streams by. */
#ifndef WASMOTE_INTAKE_H
#define WASMOTE_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/sha256.h"
#include "node/manifest.h"

/* One upload, the caller's. */
struct intake {
    bool again;    /* it was let pass before: its sequence number is no matter */
    bool judged;   /* the head was, and may pass */
    size_t hashed; /* bytes of the bundle up to which the module is in the hash */
    struct sha256 hash;
};

void intake_begin(struct intake *intake);
void intake_begin_again(struct intake *intake);

/* Looks at what is there of the bundle, which begins at `bundle`; more says whether bytes are to come.
 * WM_EPERM: not from whom it must be, for another device, or older than what ran; WM_EDIGEST: changed on
 * its way; WM_ETOOLARGE: no bank holds it, or its head is longer than MODULE_HEAD_MAX; WM_EINVAL. On a
 * node with keys it is WM_EPERM, whatever else is wrong. */
wm_status intake_look(struct intake *intake, const uint8_t *bundle, size_t len, bool more, char *why,
                      size_t why_cap);

/* WM_EPERM: a newer release of that name was confirmed meanwhile. */
wm_status intake_may_run(const struct manifest *manifest, char *why, size_t why_cap);

/* A release is confirmed: what is older is refused from now on. WM_EPERM when it is older itself than
 * one that ran; WM_ENOTSUP when no other name can be counted. In development mode nothing is counted. */
wm_status intake_runs(const struct manifest *manifest, char *why, size_t why_cap);

#endif
