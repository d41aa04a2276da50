#include "fault_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Start-up leaves .noinit alone; magic and CRC tell a text of ours from what RAM holds at power-on. */
#define FAULT_MAGIC 0x464C5421u /* "FLT!" */
static struct {
    uint32_t magic, crc;
    char text[120];
} record __attribute__((section(".noinit")));

static uint32_t crc32(const char *bytes, size_t len) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint8_t)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

const char *fault_take(void) {
    bool valid = record.magic == FAULT_MAGIC && record.crc == crc32(record.text, sizeof record.text);
    record.magic = 0; /* shown after one reset, not after every later one */
    return valid ? record.text : NULL;
}

static void add_text(const char *text) {
    size_t used = strlen(record.text);
    while (*text && used < sizeof record.text - 1)
        record.text[used++] = *text++;
}

void fault_record_begin(const char *name) {
    memset(&record, 0, sizeof record);
    add_text(name);
}

void fault_record_add(const char *name, uint32_t value) {
    char digits[9] = {0};
    for (int i = 0; i < 8; i++)
        digits[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15];
    add_text(name);
    add_text(digits);
}

void fault_record_end(void) {
    record.crc = crc32(record.text, sizeof record.text);
    record.magic = FAULT_MAGIC;
}
