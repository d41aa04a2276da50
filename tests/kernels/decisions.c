/* Decision trees over features, in the two forms that models are turned into: a table, and code. */
#include "kernels.h"

#define ROWS 256
#define FEATURES 8
#define TREES 6
#define DEPTH 5
#define SPLITS ((1 << DEPTH) - 1)
#define CLASSES 4

struct split {
    real limit;
    uint32_t feature;
};

static struct {
    real rows[ROWS][FEATURES];
    struct split trees[TREES][SPLITS]; /* the children of split n are 2 n + 1 and 2 n + 2 */
    uint8_t leaves[TREES][1 << DEPTH]; /* the class that each votes for */
    uint32_t decided[ROWS];
} d;

INITIALISE {
    uint32_t state = 14;
    fill(&d.rows[0][0], ROWS * FEATURES, &state);
    for (size_t tree = 0; tree < TREES; tree++) {
        for (size_t i = 0; i < SPLITS; i++) {
            d.trees[tree][i].limit = next_real(&state) / 2;
            d.trees[tree][i].feature = next_random(&state) % FEATURES;
        }
        for (size_t i = 0; i <= SPLITS; i++) {
            d.leaves[tree][i] = (uint8_t)(next_random(&state) >> 8 & (CLASSES - 1));
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        d.decided[i] = 0;
    }
}

CHECKSUM_OF(d)

/* A forest in tables: most votes win. */
KERNEL(forest_of_tables) {
    for (size_t row = 0; row < ROWS / 4; row++) {
        uint32_t votes[CLASSES] = {0}, best = 0;
        for (size_t tree = 0; tree < TREES; tree++) {
            size_t at = 0;
            for (int level = 0; level < DEPTH; level++) {
                const struct split *split = &d.trees[tree][at];
                at = 2 * at + (d.rows[row][split->feature] <= split->limit ? 1 : 2);
            }
            votes[d.leaves[tree][at - SPLITS]]++;
        }
        for (uint32_t i = 1; i < CLASSES; i++) {
            best = votes[i] > votes[best] ? i : best;
        }
        d.decided[row] = best;
    }
    return 0;
}

static uint32_t low_side(const real *x) {
    if (x[1] <= R(-0.21)) {
        if (x[4] <= R(0.08)) {
            if (x[2] <= R(-0.3)) {
                return x[7] <= R(0.17) ? 0 : 2;
            }
            return x[0] <= R(-0.4) ? 1 : 3;
        }
        return x[3] <= R(0.02) ? 2 : 1;
    }
    if (x[6] <= R(0.13)) {
        if (x[5] <= R(-0.07)) {
            return x[4] <= R(0.25) ? 3 : 0;
        }
        return x[2] <= R(0.11) ? 1 : 2;
    }
    return x[7] <= R(-0.19) ? 0 : 3;
}

static uint32_t high_side(const real *x) {
    if (x[3] <= R(-0.05)) {
        if (x[5] <= R(0.22)) {
            return x[1] <= R(0.09) ? 2 : 0;
        }
        if (x[6] <= R(-0.31)) {
            return x[2] <= R(0.01) ? 3 : 1;
        }
        return x[0] <= R(0.33) ? 0 : 2;
    }
    if (x[7] <= R(0.04)) {
        if (x[4] <= R(-0.14)) {
            return x[6] <= R(0.2) ? 1 : 3;
        }
        return x[1] <= R(0.27) ? 2 : 1;
    }
    return x[5] <= R(0.31) ? 3 : 0;
}

/* A tree of conditions, as generators of code write it. */
KERNEL(tree_of_conditions) {
    for (size_t row = 0; row < ROWS; row++) {
        const real *x = d.rows[row];
        d.decided[row] = x[0] <= R(0.06) ? low_side(x) : high_side(x);
    }
    return 0;
}
