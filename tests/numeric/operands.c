#include "reference.h"

#include "instruction.h"
#include "machine/numeric.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

uint32_t numeric_opcode(unsigned n) {
    static const uint16_t ranges[][2] = {{0x45, 0xc4}, {0xfc00, 0xfc07}};
    for (unsigned i = 0; i < COUNT(ranges); i++) {
        for (uint32_t opcode = ranges[i][0]; opcode <= ranges[i][1]; opcode++) {
            struct numeric numeric;
            if ((numeric_is_handled_f32(opcode) || machine_numeric_find(opcode, &numeric)) && n-- == 0) {
                return opcode;
            }
        }
    }
    return 0;
}

/* splitmix64 */
static uint64_t any(uint64_t *state) {
    uint64_t bits = *state += 0x9e3779b97f4a7c15u;
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    return bits ^ bits >> 31;
}

static uint32_t below(uint64_t *state, uint32_t end) {
    return (uint32_t)(any(state) >> 32) % end;
}

/* ---- integers ----------------------------------------------------------------------------------- */

static uint64_t draw_integer(uint64_t *state) {
    static const uint64_t special[] = {
        0, 1, 63, 64, 0x7f, 0x80, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
        /* where f32 and f64 begin to round */
        0x1000000, 0x1000001, 0x1000003, 0x20000000000000, 0x20000000000001, 0x20000000000003,
        0x7fffffffffffffff, 0x8000000000000000, 0x7fffffbfffffffff, 0x7fffff4000000001,
        0xfffffffffffffc00, 0xfffffffffffffbff, 0xffffff7fffffffff, 0xffffff8000000000};
    const uint64_t bits = any(state);
    switch (below(state, 4)) {
    case 0:
        return bits;
    case 1:
        return bits >> below(state, 64);
    case 2:
        return -(bits >> below(state, 64));
    default:
        return special[below(state, COUNT(special))] * (below(state, 2) ? 1u : UINT64_MAX);
    }
}

/* ---- floats ------------------------------------------------------------------------------------- */

struct format {
    unsigned fraction_bits, exponents;
};

static uint64_t pack(const struct format *format, uint64_t sign, uint64_t exponent, uint64_t fraction) {
    return sign << (format->fraction_bits + format->exponents) | exponent << format->fraction_bits |
           (fraction & (((uint64_t)1 << format->fraction_bits) - 1));
}

/* A fraction of which the lower bits are 0, all 1, or just half of what would be rounded. */
static uint64_t draw_fraction(const struct format *format, uint64_t *state) {
    const uint64_t bits = any(state);
    const unsigned shift = below(state, format->fraction_bits + 1);
    const uint64_t low = ((uint64_t)1 << shift) - 1;
    switch (below(state, 5)) {
    case 0:
        return bits;
    case 1:
        return bits & ~low;
    case 2:
        return bits | low;
    case 3:
        return (bits & ~low) | (low + 1) >> 1;
    default:
        return below(state, 2) ? low : ~low;
    }
}

/* Around 1 and the bounds of the integers, where f32 ends, where squares and quotients underflow. */
static uint64_t draw_exponent(const struct format *format, uint64_t *state) {
    const uint32_t last = (1u << format->exponents) - 1, bias = last / 2;
    switch (below(state, 7)) {
    case 0:
        return below(state, last + 1);
    case 1:
        return bias + below(state, 68) - 3;
    case 2:
        return below(state, 64);
    case 3:
        return bias / 2 + below(state, 64) - 32;
    case 4:
        return format->exponents == 8 ? last - below(state, 4) : bias + below(state, 40) - 155;
    case 5:
        return format->exponents == 8 ? bias - below(state, 60) : bias + below(state, 6) + 124;
    default:
        return below(state, 2) ? 0 : last - below(state, 2);
    }
}

static uint64_t draw_float(const struct format *format, uint64_t *state) {
    if (below(state, 8) == 0) { /* an integer, or half way to the next */
        const unsigned power = below(state, 66);
        const uint64_t bias = (1u << format->exponents) / 2 - 1;
        const unsigned unused = power < format->fraction_bits ? format->fraction_bits - power : 0;
        const uint64_t fraction = any(state) >> unused << unused;
        return pack(format, below(state, 2), bias + power,
                    fraction | (unused && below(state, 2) ? (uint64_t)1 << (unused - 1) : 0));
    }
    const uint64_t exponent = draw_exponent(format, state);
    return pack(format, below(state, 2), exponent, draw_fraction(format, state)) -
           (exponent > 1 && below(state, 8) == 0);
}

/* ---- of a type, and two of them ----------------------------------------------------------------- */

static uint64_t draw_of(enum value_type type, uint64_t *state) {
    static const struct format f32 = {23, 8}, f64 = {52, 11};
    switch (type) {
    case VALUE_F32:
        return draw_float(&f32, state);
    case VALUE_F64:
        return draw_float(&f64, state);
    default:
        return type == VALUE_I32 ? (uint32_t)draw_integer(state) : draw_integer(state);
    }
}

/* Far apart, the larger one close to a power of two: their difference loses a bit in front. */
static void draw_apart(enum value_type type, uint64_t *state, uint64_t *a, uint64_t *b) {
    const unsigned fraction_bits = type == VALUE_F32 ? 23 : 52;
    const uint64_t fraction = ((uint64_t)1 << fraction_bits) - 1;
    *a &= ~fraction | fraction >> below(state, fraction_bits + 1);
    *b = (*b & fraction) | (*a & ~fraction);
    /* where a 32-bit core goes from one word to the next, or anywhere */
    const unsigned apart = below(state, 2) ? 30 + below(state, 7) : below(state, fraction_bits + 4);
    *b -= (uint64_t)apart << fraction_bits;
}

/* Nearly the same. */
static void draw_close(enum value_type type, uint64_t *state, const uint64_t *a, uint64_t *b) {
    *b = *a + below(state, 5) - 2;
    *b ^= (uint64_t)below(state, 2) << (type == VALUE_F32 ? 31 : 63);
}

void numeric_draw(uint32_t opcode, uint64_t *state, uint64_t *a, uint64_t *b) {
    const struct instruction *row = instruction_find(opcode);
    const enum value_type type = instruction_operand(row, 1);
    *a = draw_of(instruction_operand(row, 0), state);
    *b = 0;
    if (type == VALUE_NONE) {
        return;
    }
    *b = draw_of(type, state);
    switch (below(state, 8)) {
    case 0:
    case 1:
        draw_close(type, state, a, b);
        break;
    case 2:
        draw_apart(type, state, a, b);
        break;
    default:
        break;
    }
    *b ^= (uint64_t)below(state, 2) << (type == VALUE_F32 ? 31 : 63);
    *a = type == VALUE_F32 ? (uint32_t)*a : *a;
    *b = type == VALUE_F32 ? (uint32_t)*b : *b;
}
