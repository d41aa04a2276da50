/* Products of matrices and vectors. */
#include "kernels.h"

#define N (sizeof(real) == sizeof(float) ? 36 : 24)
#define N_MAX 36
#define RIGHT_SIDES 4

static struct {
    real A[N_MAX][N_MAX], B[N_MAX][N_MAX];
    real u[4][N_MAX], x[N_MAX], y[N_MAX], z[N_MAX], w[N_MAX];
    real solutions[RIGHT_SIDES][N_MAX];
} d;

static const real alpha = R(1.5), beta = R(0.75);

INITIALISE {
    uint32_t state = 6;
    fill((real *)&d, sizeof d / sizeof(real), &state);
    for (size_t i = 0; i < N; i++) {
        d.A[i][i] += 4;
    }
}

CHECKSUM_OF(d)

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

/* y = A' (A x) */
KERNEL(atax) {
    for (size_t i = 0; i < N; i++) {
        d.y[i] = 0;
    }
    for (size_t i = 0; i < N; i++) {
        real sum = 0;
        for (size_t j = 0; j < N; j++) {
            sum += d.A[i][j] * d.x[j];
        }
        for (size_t j = 0; j < N; j++) {
            d.y[j] += d.A[i][j] * sum;
        }
    }
    return 0;
}

/* x = A' z;  y = A w */
KERNEL(bicg) {
    for (size_t i = 0; i < N; i++) {
        d.x[i] = 0;
    }
    for (size_t i = 0; i < N; i++) {
        d.y[i] = 0;
        for (size_t j = 0; j < N; j++) {
            d.x[j] += d.z[i] * d.A[i][j];
            d.y[i] += d.A[i][j] * d.w[j];
        }
    }
    return 0;
}

/* x += A z;  y += A' w */
KERNEL(mvt) {
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            d.x[i] += d.A[i][j] * d.z[j];
        }
    }
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            d.y[i] += d.A[j][i] * d.w[j];
        }
    }
    return 0;
}

/* L x = b, where L is the lower half of A, for some b */
KERNEL(trisolv) {
    for (size_t side = 0; side < RIGHT_SIDES; side++) {
        real *x = d.solutions[side];
        for (size_t i = 0; i < N; i++) {
            x[i] = d.u[side][i];
            for (size_t j = 0; j < i; j++) {
                x[i] -= d.A[i][j] * x[j];
            }
            x[i] /= d.A[i][i];
        }
    }
    return 0;
}
