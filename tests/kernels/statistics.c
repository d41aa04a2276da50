/* Statistics of a table, and of a signal as it comes in. */
#include "kernels.h"

#define ROWS (sizeof(real) == sizeof(float) ? 40 : 20)
#define COLUMNS (sizeof(real) == sizeof(float) ? 14 : 8)
#define ROWS_MAX 40
#define COLUMNS_MAX 14
#define SAMPLES 512
#define WINDOW 32
#define HOP 8
#define MEDIAN 7

static struct {
    real table[ROWS_MAX][COLUMNS_MAX], matrix[COLUMNS_MAX][COLUMNS_MAX];
    real mean[COLUMNS_MAX], deviation[COLUMNS_MAX];
    real signal[SAMPLES], smooth[SAMPLES];
    real features[SAMPLES / HOP][5];
} d;

INITIALISE {
    uint32_t state = 8;
    fill((real *)&d, sizeof d / sizeof(real), &state);
}

CHECKSUM_OF(d)

static inline void find_means(void) {
    for (size_t j = 0; j < COLUMNS; j++) {
        d.mean[j] = 0;
        for (size_t i = 0; i < ROWS; i++) {
            d.mean[j] += d.table[i][j];
        }
        d.mean[j] /= R(ROWS);
    }
}

/* Of columns i and j, after their means were taken away. */
static inline real product_of_columns(size_t i, size_t j) {
    real sum = 0;
    for (size_t k = 0; k < ROWS; k++) {
        sum += d.table[k][i] * d.table[k][j];
    }
    return sum;
}

KERNEL(covariance) {
    find_means();
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < COLUMNS; j++) {
            d.table[i][j] -= d.mean[j];
        }
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        for (size_t j = i; j < COLUMNS; j++) {
            d.matrix[i][j] = d.matrix[j][i] = product_of_columns(i, j) / R(ROWS - 1);
        }
    }
    return 0;
}

static inline void find_deviations(void) {
    for (size_t j = 0; j < COLUMNS; j++) {
        real sum = 0;
        for (size_t i = 0; i < ROWS; i++) {
            const real off = d.table[i][j] - d.mean[j];
            sum += off * off;
        }
        const real deviation = root(sum / R(ROWS));
        d.deviation[j] = deviation <= R(0.1) ? 1 : deviation; /* a column that is constant */
    }
}

KERNEL(correlation) {
    find_means();
    find_deviations();
    const real scale = root(R(ROWS));
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < COLUMNS; j++) {
            d.table[i][j] = (d.table[i][j] - d.mean[j]) / (scale * d.deviation[j]);
        }
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        d.matrix[i][i] = 1;
        for (size_t j = i + 1; j < COLUMNS; j++) {
            d.matrix[i][j] = d.matrix[j][i] = product_of_columns(i, j);
        }
    }
    return 0;
}

/* Mean, deviation, extremes and changes of sign of every window. */
KERNEL(sliding_window) {
    for (size_t start = 0; start + WINDOW <= SAMPLES; start += HOP) {
        const real *window = &d.signal[start];
        real sum = 0, squares = 0, low = window[0], high = window[0];
        uint32_t changes = 0;
        for (size_t i = 0; i < WINDOW; i++) {
            const real value = window[i];
            sum += value;
            squares += value * value;
            low = value < low ? value : low;
            high = value > high ? value : high;
            changes += i > 0 && (value < 0) != (window[i - 1] < 0);
        }
        real *features = d.features[start / HOP];
        features[0] = sum / R(WINDOW);
        features[1] = root(squares / R(WINDOW) - features[0] * features[0]);
        features[2] = low;
        features[3] = high;
        features[4] = R(changes);
    }
    return 0;
}

/* The median of the last samples, by insertion. */
KERNEL(moving_median) {
    for (size_t at = MEDIAN - 1; at < SAMPLES; at++) {
        real sorted[MEDIAN];
        for (size_t i = 0; i < MEDIAN; i++) {
            const real value = d.signal[at - i];
            size_t place = i;
            for (; place > 0 && sorted[place - 1] > value; place--) {
                sorted[place] = sorted[place - 1];
            }
            sorted[place] = value;
        }
        d.smooth[at] = sorted[MEDIAN / 2];
    }
    return 0;
}

/* Two exponential means, one fast and one slow, and how often they cross. */
KERNEL(moving_averages) {
    real fast = 0, slow = 0;
    uint32_t crossings = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        const int before = fast > slow;
        fast += R(0.2) * (d.signal[i] - fast);
        slow += R(0.02) * (d.signal[i] - slow);
        crossings += before != (fast > slow);
        d.smooth[i] = fast - slow;
    }
    return crossings;
}
