/* The area of keys, as it is written when a board is flashed (firmware/store/README.md), from files of
 * OpenSSH: "ssh-ed25519 BASE64 comment". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "core/crc32.h"
#include "native.h"

enum { RECORD_BYTES = 64, RECORD_OF_KEY = 4, KEY_BYTES = 32 };
_Static_assert(NATIVE_KEYS_BYTES == RECORD_BYTES * STORE_KEYS_MAX, "a record for each place");

/* What the Base64 holds (RFC 8709 section 4): name and key, each behind its length. */
#define PREFIX "\0\0\0\013ssh-ed25519\0\0\0\040"
#define PREFIX_BYTES (sizeof PREFIX - 1)
#define BLOB_BYTES (PREFIX_BYTES + KEY_BYTES)
_Static_assert(BLOB_BYTES % 3 == 0, "its Base64 has no padding");

/* -1: no digit of Base64. */
static int digit_of(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

static bool decode(const char *text, uint8_t blob[BLOB_BYTES]) {
    for (size_t i = 0; i < BLOB_BYTES; i += 3, text += 4) {
        uint32_t bits = 0;
        for (int k = 0; k < 4; k++) {
            int digit = digit_of(text[k]);
            if (digit < 0)
                return false;
            bits = bits << 6 | (uint32_t)digit;
        }
        blob[i] = (uint8_t)(bits >> 16);
        blob[i + 1] = (uint8_t)(bits >> 8);
        blob[i + 2] = (uint8_t)bits;
    }
    return digit_of(*text) < 0;
}

static bool read_key(const char *path, uint8_t key[KEY_BYTES]) {
    char line[512] = "";
    uint8_t blob[BLOB_BYTES];
    FILE *file = fopen(path, "r");
    if (!file)
        native_die(path);
    bool found = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    if (!found || strncmp(line, "ssh-ed25519 ", 12) != 0 || !decode(line + 12, blob) ||
        memcmp(blob, PREFIX, PREFIX_BYTES) != 0)
        return false;
    memcpy(key, blob + PREFIX_BYTES, KEY_BYTES);
    return true;
}

static void make_record(uint8_t record[RECORD_BYTES], size_t place, const char *path) {
    memset(record, 0, RECORD_BYTES);
    record[0] = RECORD_OF_KEY;
    record[1] = (uint8_t)place;
    record[4] = 1; /* there is one */
    if (!read_key(path, record + 5)) {
        fprintf(stderr, "native board: --key %s: is no public key of OpenSSH, ssh-ed25519\n", path);
        exit(2);
    }
    put_le32(record + 60, crc32(record, 60));
}

void native_keys_area(uint8_t area[NATIVE_KEYS_BYTES]) {
    memset(area, 0xFF, NATIVE_KEYS_BYTES);
    for (size_t place = 0; place < STORE_KEYS_MAX && native_options.key[place]; place++)
        make_record(area + place * RECORD_BYTES, place, native_options.key[place]);
}
