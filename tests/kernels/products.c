/* Chains of products of matrices. */
#include "kernels.h"

#define N (sizeof(real) == sizeof(float) ? 18 : 10)
#define N_MAX 18
#define CUBE (sizeof(real) == sizeof(float) ? 10 : 7)
#define CUBE_MAX 10

static struct { real A[N_MAX][N_MAX], B[N_MAX][N_MAX], C[N_MAX][N_MAX], D[N_MAX][N_MAX]; } d;
static struct { real A[CUBE_MAX][CUBE_MAX][CUBE_MAX], row[CUBE_MAX]; } cube;

static const real alpha = R(1.5), beta = R(0.75);

INITIALISE {
    uint32_t state = 2;
    fill((real *)&d, sizeof d / sizeof(real), &state);
    fill((real *)&cube, sizeof cube / sizeof(real), &state);
}

uint32_t EXPORTED(checksum)(void);
uint32_t EXPORTED(checksum)(void) {
    return hash_of(&cube, sizeof cube, hash_of(&d, sizeof d, 2166136261u));
}

/* P = A B. A function each time, so that 2mm and 3mm measure calls of three addresses, too. */
static inline void multiply(real P[N_MAX][N_MAX], real A[N_MAX][N_MAX], real B[N_MAX][N_MAX],
                            real scale) {
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            real sum = 0;
            for (size_t k = 0; k < N; k++) {
                sum += scale * A[i][k] * B[k][j];
            }
            P[i][j] = sum;
        }
    }
}

/* D = alpha A B C + beta D */
KERNEL(two_mm) {
    static real product[N_MAX][N_MAX];
    multiply(product, d.A, d.B, alpha);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            d.D[i][j] *= beta;
            for (size_t k = 0; k < N; k++) {
                d.D[i][j] += product[i][k] * d.C[k][j];
            }
        }
    }
    return 0;
}

/* B = (A B) (C D) */
KERNEL(three_mm) {
    static real left[N_MAX][N_MAX], right[N_MAX][N_MAX];
    multiply(left, d.A, d.B, 1);
    multiply(right, d.C, d.D, 1);
    multiply(d.B, left, right, 1);
    return 0;
}

/* Every row of a cube times a matrix: A[r][q][p] = sum over s of A[r][q][s] B[s][p] */
KERNEL(doitgen) {
    for (size_t r = 0; r < CUBE; r++) {
        for (size_t q = 0; q < CUBE; q++) {
            for (size_t p = 0; p < CUBE; p++) {
                cube.row[p] = 0;
                for (size_t s = 0; s < CUBE; s++) {
                    cube.row[p] += cube.A[r][q][s] * d.B[s][p];
                }
            }
            for (size_t p = 0; p < CUBE; p++) {
                cube.A[r][q][p] = cube.row[p];
            }
        }
    }
    return 0;
}
