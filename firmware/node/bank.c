#include "node/bank.h"

#include <stdbool.h>
#include <string.h>

static struct {
    bool taken;
    size_t length;
    uint8_t bytes[MODULE_BANK_BYTES];
} banks[BANK_COUNT];

int bank_take(void) {
    for (int bank = 0; bank < BANK_COUNT; bank++) {
        if (!banks[bank].taken) {
            banks[bank].taken = true;
            banks[bank].length = 0;
            return bank;
        }
    }
    return WM_EBUSY;
}

void bank_release(int bank) {
    if (bank >= 0)
        banks[bank].taken = false;
}

wm_status bank_write(int bank, size_t offset, const uint8_t *bytes, size_t len) {
    if (offset != banks[bank].length)
        return WM_EINVAL;
    if (len > MODULE_BANK_BYTES - offset)
        return WM_ENOMEM;
    if (len) /* an empty body has no bytes to point to */
        memcpy(banks[bank].bytes + offset, bytes, len);
    banks[bank].length += len;
    return WM_OK;
}

const uint8_t *bank_bytes(int bank) {
    return banks[bank].bytes;
}

size_t bank_length(int bank) {
    return banks[bank].length;
}
