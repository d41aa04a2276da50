/* Factorisations and systems of linear equations. */
#include "kernels.h"

#define N (sizeof(real) == sizeof(float) ? 20 : 12)
#define N_MAX 20
#define ORDER (sizeof(real) == sizeof(float) ? 72 : 36) /* of durbin */
#define ORDER_MAX 72

static struct {
    real A[N_MAX][N_MAX]; /* symmetric, positive definite */
    real Q[N_MAX][N_MAX], R[N_MAX][N_MAX];
    real b[N_MAX], x[N_MAX], y[N_MAX];
    real autocorrelation[ORDER_MAX], coefficients[ORDER_MAX], before[ORDER_MAX];
} d;

INITIALISE {
    uint32_t state = 7;
    fill((real *)&d, sizeof d / sizeof(real), &state);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < i; j++) {
            d.A[i][j] = d.A[j][i];
        }
        d.A[i][i] = R(N);
    }
    for (size_t i = 0; i < ORDER; i++) {
        d.autocorrelation[i] = 1 / R(i + 2); /* convex, and falls: all reflections are below 1 */
    }
}

CHECKSUM_OF(d)

/* A = L L', L in the lower half */
KERNEL(cholesky) {
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < i; j++) {
            for (size_t k = 0; k < j; k++) {
                d.A[i][j] -= d.A[i][k] * d.A[j][k];
            }
            d.A[i][j] /= d.A[j][j];
        }
        for (size_t k = 0; k < i; k++) {
            d.A[i][i] -= d.A[i][k] * d.A[i][k];
        }
        d.A[i][i] = root(d.A[i][i]);
    }
    return 0;
}

/* Levinson and Durbin's recursion for the Yule-Walker equations */
KERNEL(durbin) {
    const real *r = d.autocorrelation;
    real *y = d.coefficients, *z = d.before, error = 1, reflection = -r[0];
    y[0] = reflection;
    for (size_t k = 1; k < ORDER; k++) {
        error *= 1 - reflection * reflection;
        real sum = r[k];
        for (size_t i = 0; i < k; i++) {
            sum += r[k - i - 1] * y[i];
        }
        reflection = -sum / error;
        for (size_t i = 0; i < k; i++) {
            z[i] = y[i] + reflection * y[k - i - 1];
        }
        for (size_t i = 0; i < k; i++) {
            y[i] = z[i];
        }
        y[k] = reflection;
    }
    return 0;
}

/* A = Q R by the modified method of Gram and Schmidt; A is used up */
KERNEL(gramschmidt) {
    for (size_t k = 0; k < N; k++) {
        real norm = 0;
        for (size_t i = 0; i < N; i++) {
            norm += d.A[i][k] * d.A[i][k];
        }
        d.R[k][k] = root(norm);
        for (size_t i = 0; i < N; i++) {
            d.Q[i][k] = d.A[i][k] / d.R[k][k];
        }
        for (size_t j = k + 1; j < N; j++) {
            d.R[k][j] = 0;
            for (size_t i = 0; i < N; i++) {
                d.R[k][j] += d.Q[i][k] * d.A[i][j];
            }
            for (size_t i = 0; i < N; i++) {
                d.A[i][j] -= d.Q[i][k] * d.R[k][j];
            }
        }
    }
    return 0;
}

/* A = L U in place, the ones of L left out */
KERNEL(lu) {
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < i; j++) {
            for (size_t k = 0; k < j; k++) {
                d.A[i][j] -= d.A[i][k] * d.A[k][j];
            }
            d.A[i][j] /= d.A[j][j];
        }
        for (size_t j = i; j < N; j++) {
            for (size_t k = 0; k < i; k++) {
                d.A[i][j] -= d.A[i][k] * d.A[k][j];
            }
        }
    }
    return 0;
}

/* L y = b;  U x = y */
static inline void substitute(void) {
    for (size_t i = 0; i < N; i++) {
        real value = d.b[i];
        for (size_t j = 0; j < i; j++) {
            value -= d.A[i][j] * d.y[j];
        }
        d.y[i] = value;
    }
    for (size_t i = N; i-- > 0;) {
        real value = d.y[i];
        for (size_t j = i + 1; j < N; j++) {
            value -= d.A[i][j] * d.x[j];
        }
        d.x[i] = value / d.A[i][i];
    }
}

/* A x = b, by A = L U */
KERNEL(ludcmp) {
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            const size_t steps = j < i ? j : i;
            real value = d.A[i][j];
            for (size_t k = 0; k < steps; k++) {
                value -= d.A[i][k] * d.A[k][j];
            }
            d.A[i][j] = j < i ? value / d.A[j][j] : value;
        }
    }
    substitute();
    return 0;
}
