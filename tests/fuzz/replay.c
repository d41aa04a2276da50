/* A target without libFuzzer: runs known inputs, then mutants of them, the same ones in every run. It
 * needs nothing but files, so that it also runs where no fuzzer does: on an emulated 32-bit Arm.
 *
 * Usage: replay PACK MUTANTS      PACK: made by seeds.py --pack */
#include "fuzz.h"

#include <string.h>

#include "core/bytes.h"
#include "mutation.h"

#define PACK_MAX (2u << 20)
#define INPUTS_MAX 16384
#define MUTANT_MAX 4096

static uint8_t pack[PACK_MAX], mutant[MUTANT_MAX];
static struct {
    const uint8_t *bytes;
    size_t len;
} inputs[INPUTS_MAX];
static size_t input_count;

/* ---- inputs: each with its length in front, four bytes, little endian ---------------------- */

static _Noreturn void give_up(const char *why, const char *path) {
    fprintf(stderr, "replay: %s: %s\n", path, why);
    exit(2);
}

static void read_pack(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        give_up("cannot be opened", path);
    }
    size_t left = fread(pack, 1, sizeof pack, file);
    if (left == sizeof pack || fclose(file) != 0) {
        give_up("is larger than PACK_MAX", path);
    }
    for (const uint8_t *at = pack; left > 0; input_count++) {
        size_t len = left >= 4 ? get_le32(at) : SIZE_MAX;
        if (input_count == INPUTS_MAX || len > left - 4) {
            give_up("is no pack, or has more inputs than INPUTS_MAX", path);
        }
        inputs[input_count].bytes = at + 4;
        inputs[input_count].len = len;
        at += 4 + len;
        left -= 4 + len;
    }
}

/* ---- mutants ---------------------------------------------------------------------------- */

/* The end of another input over the end of this one. */
static void splice(size_t *len) {
    size_t other = random_below(input_count), from = random_below(inputs[other].len + 1);
    size_t at = random_below(*len + 1), count = inputs[other].len - from;
    count = count < sizeof mutant - at ? count : sizeof mutant - at;
    memcpy(mutant + at, inputs[other].bytes + from, count);
    *len = at + count;
}

static void run_mutant(void) {
    size_t pick = random_below(input_count);
    size_t len = inputs[pick].len < sizeof mutant ? inputs[pick].len : sizeof mutant;
    memcpy(mutant, inputs[pick].bytes, len);
    for (size_t times = 1 + random_below(6); times > 0; times--) {
        if (random_below(6) == 0) {
            splice(&len);
        } else {
            mutate(mutant, &len, sizeof mutant, sizeof mutant);
        }
    }
    (void)LLVMFuzzerTestOneInput(mutant, len);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("expected a pack and a number of mutants", argc > 0 ? argv[0] : "replay");
    }
    unsigned long mutants = strtoul(argv[2], NULL, 10);
    read_pack(argv[1]);
    for (size_t i = 0; i < input_count; i++) {
        (void)LLVMFuzzerTestOneInput(inputs[i].bytes, inputs[i].len);
    }
    for (unsigned long i = 0; i < mutants && input_count > 0; i++) {
        run_mutant();
    }
    printf("%u inputs, %lu mutants\n", (unsigned)input_count, mutants);
    return 0;
}
