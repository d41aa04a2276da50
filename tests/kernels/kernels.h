/* What the kernels are written with. A file is one module: compiled to WebAssembly, and natively once
 * for each module that bench.def makes of it (REAL, FAMILY). Its exports: initialise(), which fills all
 * its data with the same numbers each time, one function for each kernel, and checksum() over the data.
 */
#ifndef WASMOTE_KERNELS_H
#define WASMOTE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifndef REAL
#define REAL float
#endif
typedef REAL real;

/* The native names must differ between modules; those of exports are short. */
#define KERNEL_JOIN_(family, name) family##_##name
#define KERNEL_JOIN(family, name) KERNEL_JOIN_(family, name)
#ifdef __wasm__
#define EXPORTED(name) __attribute__((export_name(#name))) KERNEL_JOIN(FAMILY, name)
#else
#define EXPORTED(name) KERNEL_JOIN(FAMILY, name)
#endif

/* What a kernel returns goes into its checksum; 0 where its result is in the data. */
#define KERNEL(name)                                                                                    \
    uint32_t EXPORTED(name)(void);                                                                      \
    uint32_t EXPORTED(name)(void)

#define R(number) ((real)(number))

static inline real root(real x) {
    return sizeof x == sizeof(float) ? (real)__builtin_sqrtf((float)x) : (real)__builtin_sqrt((double)x);
}

/* The constants of Knuth's MMIX generator would need 64 bits; these are of Numerical Recipes. */
static inline uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* In [-0.5, 0.5), in steps of 2^-16: sums of them are not exact, but nothing comes near an overflow. */
static inline real next_real(uint32_t *state) {
    return R((int32_t)(next_random(state) & 0xffffu) - 0x8000) / R(65536);
}

static inline void fill(real *values, size_t count, uint32_t *state) {
    for (size_t i = 0; i < count; i++) {
        values[i] = next_real(state);
    }
}

/* Over the bits: -0 is not 0. size is a multiple of 4. */
static inline uint32_t hash_of(const void *data, size_t size, uint32_t hash) {
    const uint32_t *words = data;
    for (size_t i = 0; i < size / sizeof *words; i++) {
        hash = (hash ^ words[i]) * 16777619u;
        hash ^= hash >> 15;
    }
    return hash;
}

/* Of a file whose data is one variable. */
#define CHECKSUM_OF(data)                                                                               \
    uint32_t EXPORTED(checksum)(void);                                                                  \
    uint32_t EXPORTED(checksum)(void) {                                                                 \
        return hash_of(&(data), sizeof(data), 2166136261u);                                             \
    }

#define INITIALISE                                                                                      \
    void EXPORTED(initialise)(void);                                                                    \
    void EXPORTED(initialise)(void)

#endif
