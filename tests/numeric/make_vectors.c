/* Writes cases for another core, with this host's results:  make_vectors COUNT SEED > FILE
 * The cores are little-endian like the host; the instructions take turns. */
#include <stdio.h>
#include <stdlib.h>

#include "instruction.h"
#include "reference.h"

/* libgcc's __aeabi_dadd rounds these wrongly; in the last one a number is subnormal. */
static const struct numeric_vector known[] = {
    {.opcode = OPCODE_F64_ADD, .a = 0xc5ef471f174328a9, .b = 0x47f0000000000007},
    {.opcode = OPCODE_F64_ADD, .a = 0x47f0000000000007, .b = 0xc5ef471f174328a9},
    {.opcode = OPCODE_F64_SUB, .a = 0x47f0000000000007, .b = 0x45ef471f174328a9},
    {.opcode = OPCODE_F64_ADD, .a = 0x8250000000000000, .b = 0x00464c63a9412eae},
    {.opcode = OPCODE_F64_SUB, .a = 0x022000000000e9cb, .b = 0x000dfeee18bc5246},
};

static bool write_vector(struct numeric_vector vector) {
    vector.outcome = numeric_reference(vector.opcode, vector.a, vector.b, &vector.want);
    return fwrite(&vector, sizeof vector, 1, stdout) == 1;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s COUNT SEED > FILE\n", argv[0]);
        return 2;
    }
    const unsigned count = (unsigned)strtoul(argv[1], NULL, 10);
    uint64_t random = strtoull(argv[2], NULL, 10);
    bool written = true;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        written = written && write_vector(known[i]);
    }
    for (unsigned i = 0, n = 0; i < count; i++, n = numeric_opcode(n + 1) != 0 ? n + 1 : 0) {
        struct numeric_vector vector = {.opcode = numeric_opcode(n)};
        numeric_draw(vector.opcode, &random, &vector.a, &vector.b);
        written = written && write_vector(vector);
    }
    return fflush(stdout) != 0 || !written;
}
