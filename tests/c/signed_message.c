#include "signed_message.h"

#include "cmocka_all.h"

#include <string.h>

#include "node/trust.h"

size_t sign_message(const uint8_t seed[SEED_BYTES], const char *external_aad, uint8_t *message,
                    size_t len, size_t cap) {
    uint8_t key[TRUST_KEY_BYTES], id[TRUST_KEY_ID_BYTES], payload[128];
    const struct envelope envelope = {seed, id, sizeof id, external_aad};
    signer_public_key(seed, key);
    trust_key_id(key, id);
    assert_true(len <= sizeof payload);
    memcpy(payload, message, len);
    return signer_envelope(&envelope, payload, len, message, cap);
}
