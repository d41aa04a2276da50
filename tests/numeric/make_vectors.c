/* Writes cases for another core, with this host's results:  make_vectors COUNT SEED > FILE
 * The cores are little-endian like the host; the instructions take turns. */
#include <stdio.h>
#include <stdlib.h>

#include "reference.h"

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s COUNT SEED > FILE\n", argv[0]);
        return 2;
    }
    uint64_t random = strtoull(argv[2], NULL, 10);
    unsigned count = (unsigned)strtoul(argv[1], NULL, 10);
    for (unsigned n = 0; count > 0; n = numeric_opcode(n + 1) != 0 ? n + 1 : 0, count--) {
        struct numeric_vector vector = {.opcode = numeric_opcode(n)};
        numeric_draw(vector.opcode, &random, &vector.a, &vector.b);
        vector.outcome = numeric_reference(vector.opcode, vector.a, vector.b, &vector.want);
        if (fwrite(&vector, sizeof vector, 1, stdout) != 1) {
            return 1;
        }
    }
    return 0;
}
