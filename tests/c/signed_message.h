/* What a board takes only from its keys: keys themselves, and orders to restart. */
#ifndef SIGNED_MESSAGE_H
#define SIGNED_MESSAGE_H

#include "signer.h"

/* Signs a message in place, for the key that belongs to the seed; returns its length then. Fails the
 * test when it does not fit. */
size_t sign_message(const uint8_t seed[SEED_BYTES], const char *external_aad, uint8_t *message,
                    size_t len, size_t cap);

#endif
