/* Integer work on arrays: dynamic programming (PolyBench's), sorting, a product of matrices. */
#include "kernels.h"

#define NODES 18
#define BASES 32
#define ITEMS 256
#define N 18

static struct {
    int32_t distance[NODES][NODES];
    int32_t pairs[BASES][BASES];
    uint8_t bases[BASES];
    int32_t items[ITEMS];
    int32_t A[N][N], B[N][N], C[N][N];
} d;

INITIALISE {
    uint32_t state = 3;
    for (size_t i = 0; i < NODES; i++) {
        for (size_t j = 0; j < NODES; j++) {
            d.distance[i][j] = i == j ? 0 : (int32_t)(next_random(&state) % 1000) + 1;
        }
    }
    for (size_t i = 0; i < BASES; i++) {
        d.bases[i] = (uint8_t)(next_random(&state) >> 8 & 3);
        for (size_t j = 0; j < BASES; j++) {
            d.pairs[i][j] = 0;
        }
    }
    for (size_t i = 0; i < ITEMS; i++) {
        d.items[i] = (int32_t)(next_random(&state) << 8);
    }
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            d.A[i][j] = (int32_t)(next_random(&state) & 0xfff) - 0x800;
            d.B[i][j] = (int32_t)(next_random(&state) & 0xfff) - 0x800;
            d.C[i][j] = 0;
        }
    }
}

CHECKSUM_OF(d)

/* All shortest paths. */
KERNEL(floyd_warshall) {
    for (size_t k = 0; k < NODES; k++) {
        for (size_t i = 0; i < NODES; i++) {
            for (size_t j = 0; j < NODES; j++) {
                const int32_t through = d.distance[i][k] + d.distance[k][j];
                if (through < d.distance[i][j]) {
                    d.distance[i][j] = through;
                }
            }
        }
    }
    return 0;
}

static inline int32_t larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

/* Most base pairs of an RNA strand: bases match when their numbers add up to 3. */
KERNEL(nussinov) {
    for (size_t i = BASES; i-- > 0;) {
        for (size_t j = i + 1; j < BASES; j++) {
            int32_t best = larger(d.pairs[i][j - 1], d.pairs[i + 1 < BASES ? i + 1 : i][j]);
            const int32_t match = i + 1 < j ? d.bases[i] + d.bases[j] == 3 : 0;
            best = larger(best, (i + 1 < BASES ? d.pairs[i + 1][j - 1] : 0) + match);
            for (size_t k = i + 1; k < j; k++) {
                best = larger(best, d.pairs[i][k] + d.pairs[k + 1][j]);
            }
            d.pairs[i][j] = best;
        }
    }
    return (uint32_t)d.pairs[0][BASES - 1];
}

static void sift_down(int32_t *items, size_t start, size_t count) {
    const int32_t value = items[start];
    size_t at = start, child;
    while ((child = 2 * at + 1) < count) {
        if (child + 1 < count && items[child + 1] > items[child]) {
            child++;
        }
        if (items[child] <= value) {
            break;
        }
        items[at] = items[child];
        at = child;
    }
    items[at] = value;
}

KERNEL(heap_sort) {
    for (size_t i = ITEMS / 2; i-- > 0;) {
        sift_down(d.items, i, ITEMS);
    }
    for (size_t count = ITEMS - 1; count > 0; count--) {
        const int32_t largest = d.items[0];
        d.items[0] = d.items[count];
        d.items[count] = largest;
        sift_down(d.items, 0, count);
    }
    return 0;
}

KERNEL(insertion_sort) {
    for (size_t i = 1; i < ITEMS / 2; i++) {
        const int32_t value = d.items[i];
        size_t at = i;
        for (; at > 0 && d.items[at - 1] > value; at--) {
            d.items[at] = d.items[at - 1];
        }
        d.items[at] = value;
    }
    return 0;
}

KERNEL(integer_matrix) {
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            int32_t sum = 0;
            for (size_t k = 0; k < N; k++) {
                sum += d.A[i][k] * d.B[k][j];
            }
            d.C[i][j] = sum;
        }
    }
    return 0;
}
