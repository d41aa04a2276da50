/* CRC-32 (IEEE 802.3, reflected, as in zlib): tells a whole record from a torn one, not a good from a
 * forged one. */
#ifndef WASMOTE_CRC32_H
#define WASMOTE_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32(const void *bytes, size_t len);

#endif
