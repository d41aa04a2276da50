/* Differential equations on grids, and a recursive image filter: each point from its neighbours. */
#include "kernels.h"

#define IS_F32 (sizeof(real) == sizeof(float))
#define LINE (IS_F32 ? 400 : 120)
#define PLANE (IS_F32 ? 24 : 12)
#define CUBE (IS_F32 ? 10 : 6)
#define LINE_MAX 400
#define PLANE_MAX 24
#define CUBE_MAX 10
#define STEPS (IS_F32 ? 4 : 2)

/* One after the other: each kernel begins with fresh data. */
static union {
    struct {
        real A[LINE_MAX], B[LINE_MAX];
    } line;
    struct {
        real A[PLANE_MAX][PLANE_MAX], B[PLANE_MAX][PLANE_MAX], C[PLANE_MAX][PLANE_MAX],
            D[PLANE_MAX][PLANE_MAX];
    } plane;
    struct {
        real A[CUBE_MAX][CUBE_MAX][CUBE_MAX], B[CUBE_MAX][CUBE_MAX][CUBE_MAX];
    } cube;
} d;

INITIALISE {
    uint32_t state = 9;
    fill((real *)&d, sizeof d / sizeof(real), &state);
}

CHECKSUM_OF(d)

static inline void average_line(real *to, const real *from) {
    for (size_t i = 1; i + 1 < LINE; i++) {
        to[i] = R(1.0 / 3) * (from[i - 1] + from[i] + from[i + 1]);
    }
}

KERNEL(jacobi_1d) {
    for (size_t step = 0; step < 2 * STEPS; step++) {
        average_line(d.line.B, d.line.A);
        average_line(d.line.A, d.line.B);
    }
    return 0;
}

static inline void average_plane(real to[PLANE_MAX][PLANE_MAX], real from[PLANE_MAX][PLANE_MAX]) {
    for (size_t i = 1; i + 1 < PLANE; i++) {
        for (size_t j = 1; j + 1 < PLANE; j++) {
            to[i][j] = R(0.2) *
                       (from[i][j] + from[i][j - 1] + from[i][j + 1] + from[i + 1][j] + from[i - 1][j]);
        }
    }
}

KERNEL(jacobi_2d) {
    for (size_t step = 0; step < STEPS; step++) {
        average_plane(d.plane.B, d.plane.A);
        average_plane(d.plane.A, d.plane.B);
    }
    return 0;
}

/* In place: what was computed before is taken at once. */
KERNEL(seidel_2d) {
    real(*A)[PLANE_MAX] = d.plane.A;
    for (size_t step = 0; step < STEPS; step++) {
        for (size_t i = 1; i + 1 < PLANE; i++) {
            for (size_t j = 1; j + 1 < PLANE; j++) {
                A[i][j] = (A[i - 1][j - 1] + A[i - 1][j] + A[i - 1][j + 1] + A[i][j - 1] + A[i][j] +
                           A[i][j + 1] + A[i + 1][j - 1] + A[i + 1][j] + A[i + 1][j + 1]) /
                          9;
            }
        }
    }
    return 0;
}

/* Maxwell's equations in a plane: the electric field (A, B) and the magnetic one (C) take turns. */
KERNEL(fdtd_2d) {
    real(*ex)[PLANE_MAX] = d.plane.A, (*ey)[PLANE_MAX] = d.plane.B, (*hz)[PLANE_MAX] = d.plane.C;
    for (size_t step = 0; step < STEPS; step++) {
        for (size_t j = 0; j < PLANE; j++) {
            ey[0][j] = R(step);
        }
        for (size_t i = 1; i < PLANE; i++) {
            for (size_t j = 0; j < PLANE; j++) {
                ey[i][j] -= R(0.5) * (hz[i][j] - hz[i - 1][j]);
            }
        }
        for (size_t i = 0; i < PLANE; i++) {
            for (size_t j = 1; j < PLANE; j++) {
                ex[i][j] -= R(0.5) * (hz[i][j] - hz[i][j - 1]);
            }
        }
        for (size_t i = 0; i + 1 < PLANE; i++) {
            for (size_t j = 0; j + 1 < PLANE; j++) {
                hz[i][j] -= R(0.7) * (ex[i][j + 1] - ex[i][j] + ey[i + 1][j] - ey[i][j]);
            }
        }
    }
    return 0;
}

static inline void diffuse(real to[CUBE_MAX][CUBE_MAX][CUBE_MAX],
                           real from[CUBE_MAX][CUBE_MAX][CUBE_MAX]) {
    for (size_t i = 1; i + 1 < CUBE; i++) {
        for (size_t j = 1; j + 1 < CUBE; j++) {
            for (size_t k = 1; k + 1 < CUBE; k++) {
                const real twice = 2 * from[i][j][k];
                to[i][j][k] = R(0.125) * (from[i + 1][j][k] - twice + from[i - 1][j][k]) +
                              R(0.125) * (from[i][j + 1][k] - twice + from[i][j - 1][k]) +
                              R(0.125) * (from[i][j][k + 1] - twice + from[i][j][k - 1]) + from[i][j][k];
            }
        }
    }
}

KERNEL(heat_3d) {
    for (size_t step = 0; step < STEPS; step++) {
        diffuse(d.cube.B, d.cube.A);
        diffuse(d.cube.A, d.cube.B);
    }
    return 0;
}

/* Diffusion by alternating directions. Half a step: tridiagonal systems along one axis (Thomas's
 * algorithm: p and q are what it eliminates with), differences along the other. implicit and
 * explicit_: weights of the axes. turned: which axis the systems lie along. */
static inline void half_step(real (*to)[PLANE_MAX], real (*from)[PLANE_MAX], real implicit,
                             real explicit_, int turned) {
    real(*p)[PLANE_MAX] = d.plane.C, (*q)[PLANE_MAX] = d.plane.D;
    const real side = -implicit / 2, centre = 1 + implicit;
    for (size_t i = 1; i + 1 < PLANE; i++) {
        p[i][0] = 0;
        q[i][0] = 1;
        for (size_t j = 1; j + 1 < PLANE; j++) {
            const real before = turned ? from[j][i - 1] : from[i - 1][j];
            const real here = turned ? from[j][i] : from[i][j];
            const real after = turned ? from[j][i + 1] : from[i + 1][j];
            const real right = explicit_ / 2 * (before + after) + (1 - explicit_) * here;
            const real pivot = side * p[i][j - 1] + centre;
            p[i][j] = -side / pivot;
            q[i][j] = (right - side * q[i][j - 1]) / pivot;
        }
        real next = 1;
        for (size_t j = PLANE - 2; j >= 1; j--) {
            next = p[i][j] * next + q[i][j];
            if (turned) {
                to[j][i] = next;
            } else {
                to[i][j] = next;
            }
        }
    }
}

KERNEL(adi) {
    for (size_t step = 0; step < STEPS / 2; step++) {
        half_step(d.plane.B, d.plane.A, R(0.5), R(0.25), 1);
        half_step(d.plane.A, d.plane.B, R(0.25), R(0.5), 0);
    }
    return 0;
}

/* ---- Deriche's recursive smoothing --------------------------------------------------------- */

/* Its coefficients for alpha = 0.25, from e^-0.25 and e^-0.5. */
#define E_1 0.77880078307140487
#define E_2 0.60653065971263342
#define GAIN ((1 - E_1) * (1 - E_1) / (1 + 2 * 0.25 * E_1 - E_2))
#define FEEDBACK_1 R(2 * E_1)
#define FEEDBACK_2 R(-E_2)

/* A line of points that lie `stride` apart, once in each direction; the sum goes to `to`. */
static inline void smooth(const real *from, real *to, real *forward, size_t stride) {
    real x1 = 0, y1 = 0, y2 = 0;
    for (size_t i = 0; i < PLANE; i++) {
        const real x = from[i * stride];
        const real y = R(GAIN) * x + R(GAIN * E_1 * (0.25 - 1)) * x1 + FEEDBACK_1 * y1 + FEEDBACK_2 * y2;
        x1 = x;
        y2 = y1;
        y1 = y;
        forward[i] = y;
    }
    real x2 = 0;
    x1 = y1 = y2 = 0;
    for (size_t i = PLANE; i-- > 0;) {
        const real y =
            R(GAIN * E_1 * (0.25 + 1)) * x1 + R(-GAIN * E_2) * x2 + FEEDBACK_1 * y1 + FEEDBACK_2 * y2;
        x2 = x1;
        x1 = from[i * stride];
        y2 = y1;
        y1 = y;
        to[i * stride] = forward[i] + y;
    }
}

KERNEL(deriche) {
    for (size_t i = 0; i < PLANE; i++) {
        smooth(d.plane.A[i], d.plane.B[i], d.plane.D[0], 1);
    }
    for (size_t j = 0; j < PLANE; j++) {
        smooth(&d.plane.B[0][j], &d.plane.C[0][j], d.plane.D[0], PLANE_MAX);
    }
    return 0;
}
