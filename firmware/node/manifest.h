/* The bundle and its manifest (SPEC, "Bundle and manifest"). */
#ifndef WASMOTE_MANIFEST_H
#define WASMOTE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "core/cbor.h"
#include "core/sha256.h"
#include "core/status.h"
#include "crypto/cose.h"

#define NAME_CAP 32 /* 31 bytes and the NUL */
#define VERSION_CAP 24
#define SHORT_DIGEST_BYTES 8
#define MANIFEST_PAGE_BYTES 16384u /* what key 7 counts */

struct span {
    const uint8_t *bytes; /* into the bank that holds the bundle */
    size_t len;
};

/* Where the next item lies, which is stepped over; of no length where it is none. */
struct span span_of_item(struct cbor_in *in);

struct manifest_stream {
    char name[NAME_CAP];
    uint32_t values; /* product of the shape */
};

struct manifest_input {
    char name[NAME_CAP];
    uint32_t channels;
    uint32_t period_ms;  /* 0 = as the board does */
    struct span channel; /* CBOR array of texts */
    struct span unit;    /* CBOR array of texts */
};

enum manifest_capability { CAPABILITY_LOG = 1, CAPABILITY_RANDOM = 2 };

struct manifest {
    char name[NAME_CAP];
    char version[VERSION_CAP];
    uint32_t sequence;
    uint8_t digest[SHA256_BYTES];
    uint32_t size;
    uint32_t abi;
    char device_class[NAME_CAP];
    uint32_t pages;
    uint32_t memory_bytes; /* trimmed: all of linear memory, ending in the last page; 0 = whole pages */
    uint32_t stack_bytes;
    uint32_t stream_count;
    struct manifest_stream stream[MODULE_STREAMS_MAX];
    uint32_t input_count;
    struct manifest_input input[MODULE_INPUTS_MAX];
    struct span config; /* CBOR map of defaults; empty when there is none */
    char state_schema[NAME_CAP];
    uint32_t state_bytes; /* 0 = declares no state */
    uint32_t capabilities;
    uint32_t budget_us;
    uint32_t probation_events; /* without a trap confirm it; 0: only somebody who asks for it does */
};

/* What stands in front of the module's bytes. */
struct bundle_head {
    struct cose_bytes manifest;
    bool is_signed;
    struct cose_sign1 envelope; /* when it is signed: the manifest is its payload */
    size_t module_at;           /* where the module begins in the bundle */
    bool is_cut;                /* it is not all there, and what there is of it is no fault */
    uint64_t module_len;        /* as announced */
};

/* False while the head is not all there (is_cut), and for what is no bundle, whatever may follow. */
bool bundle_get_head(const uint8_t *bundle, size_t len, struct bundle_head *head);

/* Decodes a manifest: form and limits. WM_EINVAL with a sentence in why. */
wm_status manifest_read(const uint8_t *bytes, size_t len, struct manifest *manifest, char *why,
                        size_t why_cap);

/* WM_EINVAL: the module has another size than the manifest says. */
wm_status manifest_check_size(const struct manifest *manifest, uint64_t module_len, char *why,
                              size_t why_cap);

#define NOT_A_BUNDLE                                                                                    \
    "not a bundle: expected a manifest, signed or as a byte string, and the module as a byte string"

/* Splits a whole bundle in place and decodes its manifest. Checks form, limits and size; neither the
 * digest and the signature (intake.h) nor whether this node can run it. WM_EINVAL with a sentence in
 * why. */
wm_status bundle_open(const uint8_t *bundle, size_t len, struct manifest *manifest, struct span *module,
                      char *why, size_t why_cap);

/* The names that the manifest of an opened bundle gives to the values of a stream: a CBOR array of
 * texts; empty where it gives none. */
struct span bundle_field_names(const uint8_t *bundle, size_t len, const char *stream);

/* True for 1..31 characters of [a-z0-9_-]: safe as a path segment. */
bool name_is_valid(const char *name);

#endif
