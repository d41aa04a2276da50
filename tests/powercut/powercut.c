/* Cuts the power at every operation of a node's store, in every way, and again while it recovers.
 *
 *   powercut SINGLE PAIR   look at every SINGLE-th first cut, at every PAIR-th pair of cuts; 0: at none
 *
 * Prints JSON; the exit status is 1 when a state was bad. */
#include <stdio.h>
#include <stdlib.h>

#include "nor.h"
#include "scenario.h"

#define KIB 1024u

/* The areas of the boards (boards/NAME/board.toml), and one whose record sectors differ in size. */
enum { STM32F405, UNEVEN, SMALL, STM32L475, GEOMETRIES };
static const struct geometry geometries[GEOMETRIES] = {
    [STM32F405] = {"stm32f405",
                   {16 * KIB, 16 * KIB},
                   16 * KIB,
                   {128 * KIB, 128 * KIB, 128 * KIB, 128 * KIB, 128 * KIB, 128 * KIB}},
    [UNEVEN] = {"uneven",
                {16 * KIB, 64 * KIB},
                16 * KIB,
                {64 * KIB, 128 * KIB, 16 * KIB, 128 * KIB, 128 * KIB}},
    [SMALL] = {"small", {4 * KIB, 4 * KIB}, 4 * KIB, {32 * KIB, 32 * KIB, 32 * KIB, 32 * KIB}},
    [STM32L475] = {"stm32l475", {4 * KIB, 4 * KIB}, 4 * KIB, {32 * KIB, 32 * KIB, 32 * KIB, 32 * KIB}},
};

/* Records are copied to the other sector early in the scenario, late, or not at all. */
static const uint32_t rooms[] = {1, 9, 30};
#define ROOMS (sizeof rooms / sizeof rooms[0])

static const char *const cut_names[CUTS] = {"before", "after", "torn", "half", "unstable"};

static struct { unsigned long cuts, bad; } total;

static void finish(void) {
    printf("{\"cuts\": %lu, \"bad\": %lu, \"geometries\": %d}\n", total.cuts, total.bad, GEOMETRIES);
    exit(total.bad ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void report(const char *geometry, const char *what, uint32_t first, int how, uint32_t second,
                   int how_then) {
    total.bad++;
    fprintf(stderr, "%s: %s: cut at %u (%s)", geometry, what, (unsigned)first, cut_names[how]);
    if (how_then >= 0)
        fprintf(stderr, ", and at %u of the recovery (%s)", (unsigned)second, cut_names[how_then]);
    fputc('\n', stderr);
    if (total.bad == 20)
        finish();
}

/* True when power failed in it. */
static bool fails(void (*what)(void), uint32_t operation, enum cut how) {
    nor_cut_at(operation, how);
    if (setjmp(nor_power_fails))
        return true;
    what();
    return false;
}

static const char *recovered;

static void recover(void) {
    recovered = scenario_recover();
}

/* A flash and what is to be found in it, to go back to. */
struct moment {
    struct nor_image *image;
    struct expectation expected;
};

static void remember(struct moment *moment) {
    moment->image = nor_save(moment->image);
    moment->expected = expected;
}

static void go_back(const struct moment *moment) {
    nor_load(moment->image);
    expected = moment->expected;
}

static void begin(const struct geometry *geometry, uint32_t room, struct moment *start) {
    nor_reset(geometry, 1 + room);
    if (geometry == &geometries[STM32L475])
        nor_keep_check_bits();
    scenario_prepare(room);
    remember(start);
}

static void one_cut(const struct geometry *geometry, const struct moment *start, uint32_t at,
                    enum cut how) {
    go_back(start);
    scenario_recover();
    fails(scenario_life, at, how);
    total.cuts++;
    nor_cut_at(UINT32_MAX, CUT_BEFORE);
    const char *wrong = scenario_recover();
    if (!wrong)
        wrong = scenario_go_on();
    if (wrong)
        report(geometry->name, wrong, at, how, 0, -1);
}

static void all_single_cuts(const struct geometry *geometry, uint32_t room, uint32_t every) {
    struct moment start = {0};
    begin(geometry, room, &start);
    scenario_recover();
    fails(scenario_life, UINT32_MAX, CUT_BEFORE);
    uint32_t operations = nor_operations(), turn = 0;
    const char *wrong = scenario_recover();
    if (wrong)
        report(geometry->name, wrong, UINT32_MAX, CUT_BEFORE, 0, -1);
    for (uint32_t at = 0; at < operations; at++)
        for (int how = 0; how < CUTS; how++)
            if (turn++ % every == 0)
                one_cut(geometry, &start, at, (enum cut)how);
    nor_forget(start.image);
}

static void pairs_after(const struct geometry *geometry, const struct moment *cut, uint32_t first,
                        int how, uint32_t every, uint32_t *turn) {
    go_back(cut);
    fails(recover, UINT32_MAX, CUT_BEFORE);
    uint32_t operations = nor_operations();
    for (uint32_t second = 0; second < operations; second++)
        for (int then = 0; then < CUTS; then++) {
            if ((*turn)++ % every)
                continue;
            go_back(cut);
            fails(recover, second, (enum cut)then);
            total.cuts++;
            nor_cut_at(UINT32_MAX, CUT_BEFORE);
            const char *wrong = scenario_recover();
            if (wrong)
                report(geometry->name, wrong, first, how, second, then);
        }
}

static void all_pairs(const struct geometry *geometry, uint32_t room, uint32_t every) {
    struct moment start = {0}, cut = {0};
    uint32_t turn = 0;
    begin(geometry, room, &start);
    scenario_recover();
    fails(scenario_swap, UINT32_MAX, CUT_BEFORE);
    uint32_t operations = nor_operations();
    for (uint32_t at = 0; at < operations; at++)
        for (int how = 0; how < CUTS; how++) {
            go_back(&start);
            scenario_recover();
            fails(scenario_swap, at, (enum cut)how);
            nor_cut_at(UINT32_MAX, CUT_BEFORE);
            remember(&cut);
            pairs_after(geometry, &cut, at, how, every, &turn);
        }
    nor_forget(start.image);
    nor_forget(cut.image);
}

int main(int argc, char **argv) {
    uint32_t single = argc > 1 ? (uint32_t)atoi(argv[1]) : 1,
             pair = argc > 2 ? (uint32_t)atoi(argv[2]) : 1;
    for (size_t i = 0; i < GEOMETRIES; i++)
        for (size_t room = 0; room < ROOMS; room++) {
            if (single)
                all_single_cuts(&geometries[i], rooms[room], single);
            if (pair)
                all_pairs(&geometries[i], rooms[room], pair);
        }
    finish();
}
