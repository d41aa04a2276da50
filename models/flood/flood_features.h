/* From one day's rain and river flow to the features of the flood model. README.md has the table.
 *
 * The rule that makes this a forecast: the features of day d use the rain up to and including d, and
 * the flow up to and including d - 1. flood_day() therefore computes the features before it lets the
 * flow of the same day into the state.
 *
 * Bit-equal on every engine: only f32 + - * / and sqrt, which WebAssembly defines to the last bit,
 * and integers. */
#ifndef FLOOD_FEATURES_H
#define FLOOD_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FLOOD_RAIN_LAGS = 3, /* d - 1 .. d - 3, besides today */
    FLOOD_FLOW_LAGS = 3, /* d - 1 .. d - 3 */
    FLOOD_WETNESS = 4,   /* antecedent rainfall at that many half-lives */
    FLOOD_FEATURES = 1 + FLOOD_RAIN_LAGS + FLOOD_WETNESS + FLOOD_FLOW_LAGS + 2,
};

/* What a swap hands over: schema "flood/1". Every field keeps its meaning as long as that id stays.
 * All zero is the state before the first day. */
struct flood_state {
    int64_t last_day;                /* days since 1970-01-01; means nothing while `seen` is 0 */
    uint32_t seen;                   /* 1 after the first usable day */
    uint32_t run;                    /* days in a row whose rain and flow are known, up to last_day */
    float rain[FLOOD_RAIN_LAGS];     /* mm; [0] is last_day */
    float flow[FLOOD_FLOW_LAGS];     /* m3/s; [0] is last_day */
    float wet_sum[FLOOD_WETNESS];    /* mm, fading: sum of rain * 0.5^(age / half-life) */
    float wet_weight[FLOOD_WETNESS]; /* the same sum of the weights alone */
};

/* 0.5^(1 / half-life): what is left after a day of half-lives of 2.5, 6, 15 and 45 days. */
static const float FLOOD_DECAY[FLOOD_WETNESS] = {0.757858283f, 0.890898718f, 0.954841604f, 0.984714753f};

/* Scales: rain in cm; wetness and flow against round long-term means. Typical features lie in 0 .. 3. */
static const float FLOOD_MM_PER_CM = 10.0f;
static const float FLOOD_MEAN_RAIN_MM = 3.0f;
static const float FLOOD_MEAN_FLOW = 50.0f;

/* Beyond these a reading is broken, not wet: the world's record of a day's rain is 1825 mm. They also
 * keep every sum finite. */
static const float FLOOD_MAX_RAIN_MM = 2000.0f;
static const float FLOOD_MAX_FLOW = 100000.0f;

static inline bool flood_usable(float value, float most) {
    return value >= 0.0f && value <= most; /* false for a NaN */
}

/* The day of a time before or after 1970. */
static inline int64_t flood_day_of(int64_t time_ms) {
    const int64_t day_ms = 86400000;
    int64_t days = time_ms / day_ms;
    return time_ms % day_ms < 0 ? days - 1 : days; /* C rounds towards zero */
}

static inline float flood_power(float base, uint64_t exponent) {
    float power = 1.0f;
    for (; exponent; exponent >>= 1, base *= base)
        if (exponent & 1)
            power *= base;
    return power;
}

/* sin(2 pi turn) for turn in [0, 1): Bhaskara I's rational approximation, good to 0.002. */
static inline float flood_sine(float turn) {
    bool falling = turn >= 0.5f;
    float half = falling ? 2.0f * turn - 1.0f : 2.0f * turn;
    float hump = half * (1.0f - half);
    float sine = 16.0f * hump / (5.0f - 4.0f * hump);
    return falling ? -sine : sine;
}

/* The season as a point on a circle. 1970-01-01 is angle 0; a year has 365.2425 days. Integers keep
 * the angle exact over any number of years. */
static inline void flood_season(int64_t day, float *sine, float *cosine) {
    const int64_t year = 3652425;
    int64_t within = day * 10000 % year;
    float turn = (float)(within < 0 ? within + year : within) / (float)year;
    float quarter_on = turn + 0.25f;
    *sine = flood_sine(turn);
    *cosine = flood_sine(quarter_on >= 1.0f ? quarter_on - 1.0f : quarter_on);
}

/* Days pass: memories fade. A day that is missing is unknown rain, not a dry day: sum and weight fade
 * alike, so that the mean stays and only counts for less when new days come. */
static inline void flood_fade(struct flood_state *state, uint64_t days) {
    for (int i = 0; i < FLOOD_WETNESS; i++) {
        float left = flood_power(FLOOD_DECAY[i], days);
        state->wet_sum[i] *= left;
        state->wet_weight[i] *= left;
    }
}

/* The features of `day` from the rain of that day and the state of the day before: there is no way in
 * for the flow of `day`. */
static inline void flood_features(const struct flood_state *state, int64_t day, float rain,
                                  float out[FLOOD_FEATURES]) {
    *out++ = rain / FLOOD_MM_PER_CM;
    for (int i = 0; i < FLOOD_RAIN_LAGS; i++)
        *out++ = state->rain[i] / FLOOD_MM_PER_CM;
    for (int i = 0; i < FLOOD_WETNESS; i++)
        *out++ = __builtin_sqrtf(state->wet_sum[i] / (state->wet_weight[i] * FLOOD_MEAN_RAIN_MM));
    for (int i = 0; i < FLOOD_FLOW_LAGS; i++)
        *out++ = __builtin_sqrtf(state->flow[i] / FLOOD_MEAN_FLOW);
    flood_season(day, &out[0], &out[1]);
}

static inline void flood_shift(float *history, int count, float newest) {
    for (int i = count - 1; i > 0; i--)
        history[i] = history[i - 1];
    history[0] = newest;
}

static inline void flood_remember(struct flood_state *state, int64_t day, float rain, float flow) {
    bool known = flood_usable(flow, FLOOD_MAX_FLOW);
    flood_shift(state->rain, FLOOD_RAIN_LAGS, rain);
    flood_shift(state->flow, FLOOD_FLOW_LAGS, known ? flow : 0.0f);
    for (int i = 0; i < FLOOD_WETNESS; i++) {
        state->wet_sum[i] += rain;
        state->wet_weight[i] += 1.0f;
    }
    state->run = known ? state->run + 1 : 0;
    state->last_day = day;
    state->seen = 1;
}

/* One day's reading. True when `out` holds its features: that is when the three days before are known,
 * one by one. After a gap nothing is emitted until they are, because a lag that was made up would be
 * a forecast from invented data. A day without usable rain counts as missing; a day that has been seen
 * already, or lies before one, is ignored. */
static inline bool flood_day(struct flood_state *state, int64_t time_ms, float rain, float flow,
                             float out[FLOOD_FEATURES]) {
    int64_t day = flood_day_of(time_ms);
    if (!flood_usable(rain, FLOOD_MAX_RAIN_MM) || (state->seen && day <= state->last_day))
        return false;
    uint64_t passed = state->seen ? (uint64_t)(day - state->last_day) : 1;
    flood_fade(state, passed);
    if (passed != 1)
        state->run = 0;
    bool ready = state->run >= FLOOD_FLOW_LAGS;
    if (ready)
        flood_features(state, day, rain, out);
    flood_remember(state, day, rain, flow);
    return ready;
}

#endif
