#include "chance.h"

#include "numeric.h"
#include "run.h"

uint32_t seed;

uint32_t random_word(void) { /* xorshift */
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

uint32_t below(uint32_t limit) {
    return (random_word() >> 8) % limit;
}

uint32_t random_operand(void) {
    static const uint32_t edges[] = {0,
                                     1,
                                     2,
                                     7,
                                     31,
                                     32,
                                     33,
                                     63,
                                     64,
                                     0x7f,
                                     0x80,
                                     0xff,
                                     0x7fff,
                                     0x8000,
                                     0xffff,
                                     0x7fffffff,
                                     0x80000000,
                                     0x80000001,
                                     0xfffffffe,
                                     0xffffffff,
                                     0x3f800000 /* 1 */,
                                     0xbf800000,
                                     0x40490fdb,
                                     0x7f800000 /* inf */,
                                     0xff800000,
                                     0x7fc00000 /* NaN */,
                                     0xffc00001,
                                     0x7f800001 /* signalling */,
                                     0x00800000,
                                     0x00000003,
                                     0x807fffff /* subnormal */,
                                     0x7f7fffff,
                                     0x4b800001,
                                     0x5f000000};
    switch (below(8)) {
    case 0:
        return random_word();
    case 1:
        return below(MEMORY + 8);
    case 2:
        return f32_bits((float)(int32_t)random_word() / 65536.0f);
    default:
        return edges[below(sizeof edges / sizeof edges[0])];
    }
}
