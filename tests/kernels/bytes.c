/* Bits and bytes: checksums, hashes, text. */
#include "kernels.h"

#define BYTES 2048
#define TEXT 1024

static struct {
    uint8_t bytes[BYTES];
    uint32_t table[256]; /* of crc32 */
    uint8_t text[TEXT];
    uint8_t out[2 * TEXT];
    uint32_t counts[64];
} d;

static const char words[] = "level 4.75 m, rain 12 mm; flow 113.2 m3/s at 06:15:00Z! ";

INITIALISE {
    uint32_t state = 5;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
        }
        d.table[i] = crc;
    }
    for (size_t i = 0; i < BYTES; i++) {
        d.bytes[i] = (uint8_t)next_random(&state);
    }
    for (size_t i = 0; i < TEXT; i++) {
        d.text[i] = (uint8_t)words[i % (sizeof words - 1)];
        d.out[i] = d.out[TEXT + i] = 0;
    }
    for (size_t i = 0; i < 64; i++) {
        d.counts[i] = 0;
    }
}

CHECKSUM_OF(d)

/* CRC-32 of IEEE 802.3, a byte at a time. */
KERNEL(crc32_table) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < BYTES; i++) {
        crc = d.table[(crc ^ d.bytes[i]) & 0xff] ^ crc >> 8;
    }
    return ~crc;
}

/* The same, a bit at a time. */
KERNEL(crc32_bits) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < BYTES / 8; i++) {
        crc ^= d.bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
        }
    }
    return ~crc;
}

static inline uint32_t rotate(uint32_t x, int by) {
    return x << by | x >> (32 - by);
}

/* Rounds of additions, rotations and exclusive ors over four words, as stream ciphers have them. */
KERNEL(mix_bits) {
    uint32_t a = 0x61707865, b = 0x3320646e, c = 0x79622d32, e = 0x6b206574;
    for (size_t i = 0; i + 4 <= BYTES; i += 4) {
        a ^= (uint32_t)d.bytes[i] | (uint32_t)d.bytes[i + 1] << 8 | (uint32_t)d.bytes[i + 2] << 16 |
             (uint32_t)d.bytes[i + 3] << 24;
        a += b;
        e = rotate(e ^ a, 16);
        c += e;
        b = rotate(b ^ c, 12);
        a += b;
        e = rotate(e ^ a, 8);
        c += e;
        b = rotate(b ^ c, 7);
    }
    return a ^ b ^ c ^ e;
}

/* A 64-bit multiply and shift hash. */
KERNEL(hash_64) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < BYTES; i++) {
        hash = (hash ^ d.bytes[i]) * 0x100000001b3u;
        hash ^= hash >> 29;
    }
    return (uint32_t)(hash ^ hash >> 32);
}

static inline int is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

/* Adds up the decimal numbers of a text, in thousandths. */
KERNEL(parse_numbers) {
    uint32_t sum = 0;
    for (size_t i = 0; i < TEXT;) {
        if (!is_digit(d.text[i])) {
            i++;
            continue;
        }
        uint32_t value = 0, scale = 1000;
        for (; i < TEXT && is_digit(d.text[i]); i++) {
            value = value * 10 + (d.text[i] - (uint32_t)'0');
        }
        value *= 1000;
        if (i < TEXT && d.text[i] == '.') {
            for (i++; i < TEXT && is_digit(d.text[i]); i++) {
                scale /= 10;
                value += (d.text[i] - (uint32_t)'0') * scale;
            }
        }
        sum += value;
    }
    return sum;
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Base 64 of RFC 4648, and how often each letter of it comes. */
KERNEL(base64) {
    size_t out = 0;
    for (size_t i = 0; i + 3 <= TEXT; i += 3) {
        const uint32_t bits =
            (uint32_t)d.text[i] << 16 | (uint32_t)d.text[i + 1] << 8 | (uint32_t)d.text[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6) {
            d.out[out++] = (uint8_t)digits[bits >> shift & 63];
            d.counts[bits >> shift & 63]++;
        }
    }
    return (uint32_t)out;
}
