/* Runs the cases in the image on a core without an operating system: 0 if the machine's functions give
 * what the host gave. */
#include <stdio.h>
#include <stdlib.h>

#include "apply.h"

#define SHOWN_MAX 20

extern const struct numeric_vector cases[], cases_end[];

static bool passes(const struct numeric_vector *vector, uint64_t *got, enum outcome *outcome) {
    *outcome = numeric_apply(vector->opcode, vector->a, vector->b, got);
    return *outcome == vector->outcome &&
           (*outcome != RESULT ||
            numeric_agrees(vector->opcode, vector->a, vector->b, *got, vector->want));
}

/* newlib's and picolibc's printf may be built without 64 bits. */
static void show(const char *before, uint64_t bits) {
    printf("%s%08lx%08lx", before, (unsigned long)(bits >> 32), (unsigned long)(bits & UINT32_MAX));
}

static void report(const struct numeric_vector *vector, uint64_t got, enum outcome outcome) {
    printf("%lx:", (unsigned long)vector->opcode);
    show(" ", vector->a);
    show(" ", vector->b);
    printf(" gave %d", (int)outcome);
    show(" ", got);
    printf(", not %d", (int)vector->outcome);
    show(" ", vector->want);
    printf("\n");
}

int main(void) {
    unsigned long count = 0, failed = 0;
    for (const struct numeric_vector *vector = cases; vector < cases_end; vector++, count++) {
        uint64_t got = 0;
        enum outcome outcome;
        if (!passes(vector, &got, &outcome) && failed++ < SHOWN_MAX) {
            report(vector, got, outcome);
        }
    }
    printf("%lu cases, %lu failed\n", count, failed);
    exit(failed != 0 || count == 0);
}
