/* Products of matrices with scaling, as the BLAS defines them. */
#include "kernels.h"

#define N (sizeof(real) == sizeof(float) ? 20 : 12)
#define N_MAX 20

static struct { real A[N_MAX][N_MAX], B[N_MAX][N_MAX], C[N_MAX][N_MAX]; } d;

static const real alpha = R(1.5), beta = R(0.75);

INITIALISE {
    uint32_t state = 1;
    fill((real *)&d, sizeof d / sizeof(real), &state);
}

CHECKSUM_OF(d)

/* C = alpha A B + beta C */
KERNEL(gemm) {
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            d.C[i][j] *= beta;
        }
        for (size_t k = 0; k < N; k++) {
            for (size_t j = 0; j < N; j++) {
                d.C[i][j] += alpha * d.A[i][k] * d.B[k][j];
            }
        }
    }
    return 0;
}

/* C = alpha A B + beta C, where A is symmetric and only its lower half is there */
KERNEL(symm) {
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            real above = 0;
            for (size_t k = 0; k < i; k++) {
                d.C[k][j] += alpha * d.B[i][j] * d.A[i][k];
                above += d.B[k][j] * d.A[i][k];
            }
            d.C[i][j] = beta * d.C[i][j] + alpha * d.B[i][j] * d.A[i][i] + alpha * above;
        }
    }
    return 0;
}

/* C = alpha A A' + beta C, its lower half */
KERNEL(syrk) {
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j <= i; j++) {
            d.C[i][j] *= beta;
        }
        for (size_t k = 0; k < N; k++) {
            for (size_t j = 0; j <= i; j++) {
                d.C[i][j] += alpha * d.A[i][k] * d.A[j][k];
            }
        }
    }
    return 0;
}

/* C = alpha A B' + alpha B A' + beta C, its lower half */
KERNEL(syr2k) {
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j <= i; j++) {
            d.C[i][j] *= beta;
        }
        for (size_t k = 0; k < N; k++) {
            for (size_t j = 0; j <= i; j++) {
                d.C[i][j] += d.A[j][k] * alpha * d.B[i][k] + d.B[j][k] * alpha * d.A[i][k];
            }
        }
    }
    return 0;
}

/* B = alpha A' B, where A is lower triangular with ones in its diagonal */
KERNEL(trmm) {
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            for (size_t k = i + 1; k < N; k++) {
                d.B[i][j] += d.A[k][i] * d.B[k][j];
            }
            d.B[i][j] *= alpha;
        }
    }
    return 0;
}
