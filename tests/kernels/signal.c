/* Signals: a Fourier transform and filters. */
#include "kernels.h"

#define POINTS 256
#define SAMPLES (sizeof(real) == sizeof(float) ? 512 : 128)
#define SAMPLES_MAX 512
#define TAPS 24
#define SECTIONS 3
#define PI 3.14159265358979323846

static struct {
    real re[POINTS], im[POINTS];
    real cosine[POINTS / 2], sine[POINTS / 2];
    real samples[SAMPLES_MAX], out[SAMPLES_MAX];
    real taps[TAPS];
} d;

/* Of angles up to pi/2: Taylor's series. */
static real sine_of(real angle) {
    real term = angle, sum = angle;
    for (int n = 2; n < 18; n += 2) {
        term *= -angle * angle / R(n * (n + 1));
        sum += term;
    }
    return sum;
}

INITIALISE {
    uint32_t state = 10;
    fill((real *)&d, sizeof d / sizeof(real), &state);
    for (size_t i = 0; i <= POINTS / 4; i++) {
        const real value = sine_of(R(i) * R(2 * PI / POINTS));
        d.sine[i] = value;
        d.sine[(POINTS / 2 - i) % (POINTS / 2)] = value;
        d.cosine[POINTS / 4 - i] = value;
        d.cosine[(POINTS / 4 + i) % (POINTS / 2)] = -value;
    }
    d.sine[0] = 0;
    d.cosine[0] = 1;
}

CHECKSUM_OF(d)

static inline void swap(real *a, real *b) {
    const real kept = *a;
    *a = *b;
    *b = kept;
}

static inline void reverse_bits_of_indices(void) {
    for (size_t i = 1, j = 0; i < POINTS; i++) {
        size_t bit = POINTS / 2;
        for (; (j & bit) != 0; bit >>= 1) {
            j ^= bit;
        }
        j ^= bit;
        if (i < j) {
            swap(&d.re[i], &d.re[j]);
            swap(&d.im[i], &d.im[j]);
        }
    }
}

/* Radix 2, in place. */
KERNEL(fft_256) {
    reverse_bits_of_indices();
    for (size_t half = 1, stride = POINTS / 2; half < POINTS; half *= 2, stride /= 2) {
        for (size_t start = 0; start < POINTS; start += 2 * half) {
            for (size_t k = 0; k < half; k++) {
                const size_t a = start + k, b = a + half;
                const real c = d.cosine[k * stride], s = d.sine[k * stride];
                const real re = d.re[b] * c + d.im[b] * s, im = d.im[b] * c - d.re[b] * s;
                d.re[b] = d.re[a] - re;
                d.im[b] = d.im[a] - im;
                d.re[a] += re;
                d.im[a] += im;
            }
        }
    }
    return 0;
}

KERNEL(fir) {
    for (size_t i = 0; i + TAPS <= SAMPLES; i++) {
        real sum = 0;
        for (size_t k = 0; k < TAPS; k++) {
            sum += d.taps[k] * d.samples[i + k];
        }
        d.out[i] = sum;
    }
    return 0;
}

/* Sections of second order, one after the other (transposed direct form II). */
KERNEL(biquad) {
    static const real b[3] = {R(0.0675), R(0.135), R(0.0675)}, a[2] = {R(-1.143), R(0.413)};
    real s1[SECTIONS] = {0}, s2[SECTIONS] = {0};
    for (size_t i = 0; i < SAMPLES; i++) {
        real x = d.samples[i];
        for (size_t n = 0; n < SECTIONS; n++) {
            const real y = b[0] * x + s1[n];
            s1[n] = b[1] * x - a[0] * y + s2[n];
            s2[n] = b[2] * x - a[1] * y;
            x = y;
        }
        d.out[i] = x;
    }
    return 0;
}
