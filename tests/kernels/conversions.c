/* Reals to integers: what is sent in 16 bits, and what is looked up in a table. */
#include "kernels.h"

#define SAMPLES 512
#define STEPS 64
#define BINS 16

static struct {
    real samples[SAMPLES], out[SAMPLES];
    real curve[STEPS + 1];
    int16_t quantised[SAMPLES];
    uint32_t bins[BINS];
} d;

INITIALISE {
    uint32_t state = 12;
    fill(d.samples, SAMPLES, &state);
    fill(d.curve, STEPS + 1, &state);
    for (size_t i = 0; i < SAMPLES; i++) {
        d.out[i] = 0;
        d.quantised[i] = 0;
    }
    for (size_t i = 0; i < BINS; i++) {
        d.bins[i] = 0;
    }
}

CHECKSUM_OF(d)

/* To 16 bits; the loudest eighth is cut off. */
KERNEL(quantise) {
    for (size_t i = 0; i < SAMPLES; i++) {
        const int32_t value = (int32_t)(d.samples[i] * R(75000));
        d.quantised[i] = (int16_t)(value > INT16_MAX   ? INT16_MAX
                                   : value < INT16_MIN ? INT16_MIN
                                                       : value);
    }
    return 0;
}

/* The curve of a sensor: between two of its points. */
KERNEL(interpolate) {
    for (size_t i = 0; i < SAMPLES; i++) {
        const real place = (d.samples[i] + R(0.5)) * R(STEPS);
        const uint32_t step = (uint32_t)place;
        const real part = place - R(step);
        d.out[i] = d.curve[step] + part * (d.curve[step + 1] - d.curve[step]);
    }
    return 0;
}

/* How often samples are how large. */
KERNEL(histogram) {
    for (size_t i = 0; i < SAMPLES; i++) {
        d.bins[(uint32_t)((d.samples[i] + R(0.5)) * R(BINS))]++;
    }
    return 0;
}
