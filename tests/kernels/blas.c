/* Matrix and vector products with scaling, as the BLAS defines them (PolyBench's blas family). */
#include "kernels.h"

#define N (sizeof(real) == sizeof(float) ? 20 : 12)
#define N_MAX 20

static struct {
    real A[N_MAX][N_MAX], B[N_MAX][N_MAX], C[N_MAX][N_MAX];
    real u[4][N_MAX], x[N_MAX], y[N_MAX], z[N_MAX], w[N_MAX];
} d;

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

/* A += u0 u1' + u2 u3';  x = x + beta A' y + z;  w = alpha A x */
KERNEL(gemver) {
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            d.A[i][j] += d.u[0][i] * d.u[1][j] + d.u[2][i] * d.u[3][j];
        }
    }
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            d.x[i] += beta * d.A[j][i] * d.y[j];
        }
    }
    for (size_t i = 0; i < N; i++) {
        d.x[i] += d.z[i];
    }
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            d.w[i] += alpha * d.A[i][j] * d.x[j];
        }
    }
    return 0;
}

/* y = alpha A x + beta B x */
KERNEL(gesummv) {
    for (size_t i = 0; i < N; i++) {
        real a = 0, b = 0;
        for (size_t j = 0; j < N; j++) {
            a += d.A[i][j] * d.x[j];
            b += d.B[i][j] * d.x[j];
        }
        d.y[i] = alpha * a + beta * b;
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
