/* What every fuzz target shares: libFuzzer's entry point, a reader that takes an input apart, and a
 * check that ends the run in any build: with a sanitizer, without one, and on an emulated board. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(holds) ((holds) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #holds))

static inline _Noreturn void fuzz_failed(const char *file, int line, const char *what) {
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

/* Beyond its end an input reads as zeros, so that every prefix of an input is one too. */
struct fuzz_input {
    const uint8_t *at, *end;
};

static inline size_t fuzz_left(const struct fuzz_input *input) {
    return (size_t)(input->end - input->at);
}

static inline uint8_t fuzz_u8(struct fuzz_input *input) {
    return input->at < input->end ? *input->at++ : 0;
}

static inline const uint8_t *fuzz_bytes(struct fuzz_input *input, size_t wanted, size_t *len) {
    const uint8_t *bytes = input->at;
    *len = wanted < fuzz_left(input) ? wanted : fuzz_left(input);
    input->at += *len;
    return bytes;
}

#endif
