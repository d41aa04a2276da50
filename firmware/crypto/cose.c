#include "crypto/cose.h"

#include <string.h>

enum { LABEL_ALGORITHM = 1, LABEL_CONTENT_TYPE = 3, LABEL_KEY_ID = 4 };
enum { ALGORITHM_EDDSA = -8, SIGN1_ITEMS = 4 };

static struct cose_bytes get_bytes(struct cbor_in *in) {
    struct cose_bytes item;
    item.bytes = cbor_get_bytes(in, &item.len);
    return item;
}

/* RFC 9052 section 3.1: a media type, or the number of a CoAP content format. */
static bool is_content_type(const struct cbor_in *in) {
    enum cbor_major major = cbor_peek(in);
    return major == CBOR_TEXT || major == CBOR_UINT;
}

/* What a header may hold; false for anything that may have to be understood, "crit" included.
 * algorithm is NULL for the unprotected one, where only a key id may be. */
static bool get_header(struct cbor_in *in, struct cose_sign1 *message, bool *algorithm) {
    size_t pairs = cbor_get_map(in);
    while (pairs-- && !in->error) {
        int64_t label = cbor_get_int(in);
        if (label == LABEL_ALGORITHM && algorithm && !*algorithm) {
            *algorithm = cbor_get_int(in) == ALGORITHM_EDDSA && !in->error;
            if (!*algorithm)
                return false;
        } else if (label == LABEL_KEY_ID && !message->key_id.bytes) {
            message->key_id = get_bytes(in);
        } else if (label == LABEL_CONTENT_TYPE && algorithm && is_content_type(in)) {
            cbor_skip(in);
        } else {
            return false;
        }
    }
    return !in->error;
}

static bool get_headers(struct cbor_in *in, struct cose_sign1 *message) {
    struct cbor_in header;
    bool algorithm = false;
    message->protected_header = get_bytes(in);
    cbor_in_whole(&header, message->protected_header.bytes, message->protected_header.len);
    return !in->error && get_header(&header, message, &algorithm) && cbor_at_end(&header) && algorithm &&
           get_header(in, message, NULL);
}

void cose_get_sign1(struct cbor_in *in, struct cose_sign1 *message) {
    *message = (struct cose_sign1){0};
    bool good = cbor_get_tag(in) == COSE_TAG_SIGN1 && cbor_get_array(in) == SIGN1_ITEMS &&
                get_headers(in, message);
    message->payload = get_bytes(in);
    struct cose_bytes signature = get_bytes(in);
    message->signature = signature.bytes;
    if (!good || signature.len != ED25519_SIGNATURE_BYTES)
        in->error = true;
}

/* A byte string of the Sig_structure goes into the hash from where it lies. */
static void hash_bytes(struct ed25519_check *check, const void *bytes, size_t len) {
    uint8_t head[9];
    struct cbor_out out;
    cbor_out_init(&out, head, sizeof head);
    cbor_put_uint(&out, len);
    head[0] |= CBOR_BYTES << 5; /* the head of a length is that of a number, but for its kind */
    ed25519_check_update(check, head, out.len);
    ed25519_check_update(check, bytes, len);
}

bool cose_verify_sign1(const struct cose_sign1 *message, const uint8_t key[ED25519_KEY_BYTES],
                       const char *external_aad) {
    static const uint8_t context[] = "\x84\x6aSignature1"; /* an array of four, its first a text */
    struct ed25519_check check;
    ed25519_check_begin(&check, key, message->signature);
    ed25519_check_update(&check, context, sizeof context - 1);
    hash_bytes(&check, message->protected_header.bytes, message->protected_header.len);
    hash_bytes(&check, external_aad, strlen(external_aad));
    hash_bytes(&check, message->payload.bytes, message->payload.len);
    return ed25519_check_end(&check);
}
