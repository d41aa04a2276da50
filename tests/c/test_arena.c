/* wasm3-port/arena.c: everything given back leaves the arena as it was. */
#include "cmocka_all.h"

#include <stdbool.h>
#include <string.h>

#include "arena.h"

static _Alignas(8) uint8_t memory[4096];
static struct arena arena;

static int setup(void **state) {
    (void)state;
    memset(memory, 0xa5, sizeof memory);
    arena_init(&arena, memory, sizeof memory);
    return 0;
}

/* One block takes all that an empty arena has: proof that nothing is lost or left apart. */
static void assert_pristine(void) {
    assert_int_equal(arena.used, 0);
    void *all = arena_alloc(&arena, sizeof memory - 8);
    assert_non_null(all);
    arena_release(&arena, all);
    assert_int_equal(arena.used, 0);
}

static void blocks_are_zeroed_and_aligned(void **state) {
    (void)state;
    static const uint8_t zeros[64];
    for (size_t n = 0; n < 64; n++) {
        uint8_t *block = arena_alloc(&arena, n);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 8, 0);
        assert_memory_equal(block, zeros, n);
    }
}

static void freed_neighbours_merge_in_any_order(void **state) {
    (void)state;
    static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t o = 0; o < 6; o++) {
        void *blocks[3] = {arena_alloc(&arena, 100), arena_alloc(&arena, 1), arena_alloc(&arena, 900)};
        for (size_t i = 0; i < 3; i++) {
            arena_release(&arena, blocks[orders[o][i]]);
        }
        assert_pristine();
    }
}

static void two_memories_are_one_arena(void **state) {
    (void)state;
    static _Alignas(8) uint8_t both[4096];
    arena_init(&arena, both, 1024);
    arena_add(&arena, both + 2048, 2048); /* nothing of ours lies between */
    uint8_t *most = arena_alloc(&arena, 2048 - 8), *rest = arena_alloc(&arena, 1024 - 8);
    assert_ptr_equal(most, both + 2048 + 8);
    assert_ptr_equal(rest, both + 8);
    assert_null(arena_alloc(&arena, 1));
    assert_int_equal(arena.used, arena.size);
    arena_release(&arena, rest);
    assert_int_equal(arena_largest(&arena), 1024 - 8);
    arena_release(&arena, most);
    assert_int_equal(arena_largest(&arena), 2048 - 8);
    assert_int_equal(arena.used, 0);
    assert_null(arena_alloc(&arena, 2048)); /* no block lies in both */
}

static void a_full_arena_refuses_and_says_how_much(void **state) {
    (void)state;
    void *all = arena_alloc(&arena, sizeof memory - 8);
    assert_non_null(all);
    assert_null(arena_alloc(&arena, 24));
    assert_int_equal(arena.refused, 24);
    assert_int_equal(arena_largest(&arena), 0);
    assert_null(arena_alloc(&arena, SIZE_MAX)); /* no wrap-around */
    arena_release(&arena, all);
    assert_pristine();
}

static void growing_in_place_needs_no_second_copy(void **state) {
    (void)state;
    uint8_t *block = arena_alloc(&arena, 3000);
    memset(block, 7, 3000);
    uint8_t *grown = arena_resize(&arena, block, 4000);
    assert_ptr_equal(grown, block);
    assert_int_equal(grown[2999], 7);
    arena_release(&arena, grown);
    assert_pristine();
}

static void growing_past_a_neighbour_moves(void **state) {
    (void)state;
    uint8_t *block = arena_alloc(&arena, 100);
    void *neighbour = arena_alloc(&arena, 100);
    memset(block, 7, 100);
    uint8_t *grown = arena_resize(&arena, block, 200);
    assert_ptr_not_equal(grown, block);
    assert_int_equal(grown[99], 7);
    assert_null(arena_resize(&arena, grown, sizeof memory)); /* refused: the block stays */
    assert_int_equal(grown[99], 7);
    arena_release(&arena, grown);
    arena_release(&arena, neighbour);
    assert_pristine();
}

static void shrinking_gives_the_tail_back(void **state) {
    (void)state;
    void *block = arena_alloc(&arena, 4000);
    assert_ptr_equal(arena_resize(&arena, block, 16), block);
    assert_int_equal(arena.used, 24);
    arena_release(&arena, block);
    assert_pristine();
}

/* A xorshift generator: the same walk on every machine. */
static uint32_t next_random(void) {
    static uint32_t x = 2463534242u;
    x ^= x << 13;
    x ^= x >> 17;
    return x ^= x << 5;
}

static void a_long_random_walk_keeps_contents_and_returns_to_nothing(void **state) {
    (void)state;
    struct {
        uint8_t *bytes;
        size_t len;
        uint8_t fill;
    } held[16] = {{NULL, 0, 0}};
    for (int step = 0; step < 20000; step++) {
        const size_t i = next_random() % 16, len = next_random() % 400;
        for (size_t k = 0; held[i].bytes != NULL && k < held[i].len; k++) {
            assert_int_equal(held[i].bytes[k], held[i].fill);
        }
        if (next_random() % 3 == 0) {
            arena_release(&arena, held[i].bytes);
            held[i].bytes = NULL;
            continue;
        }
        uint8_t *bytes = arena_resize(&arena, held[i].bytes, len);
        if (bytes != NULL) {
            held[i].bytes = bytes;
            held[i].len = len;
            held[i].fill = (uint8_t)step;
            memset(bytes, held[i].fill, len);
        }
    }
    for (size_t i = 0; i < 16; i++) {
        arena_release(&arena, held[i].bytes);
    }
    assert_pristine();
}

static void a_tiny_or_odd_arena_is_no_problem(void **state) {
    (void)state;
    arena_init(&arena, memory, 7);
    assert_null(arena_alloc(&arena, 0));
    arena_init(&arena, memory, 23);
    assert_non_null(arena_alloc(&arena, 8));
    assert_null(arena_alloc(&arena, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(blocks_are_zeroed_and_aligned, setup),
        cmocka_unit_test_setup(freed_neighbours_merge_in_any_order, setup),
        cmocka_unit_test_setup(two_memories_are_one_arena, setup),
        cmocka_unit_test_setup(a_full_arena_refuses_and_says_how_much, setup),
        cmocka_unit_test_setup(growing_in_place_needs_no_second_copy, setup),
        cmocka_unit_test_setup(growing_past_a_neighbour_moves, setup),
        cmocka_unit_test_setup(shrinking_gives_the_tail_back, setup),
        cmocka_unit_test_setup(a_long_random_walk_keeps_contents_and_returns_to_nothing, setup),
        cmocka_unit_test_setup(a_tiny_or_odd_arena_is_no_problem, setup),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
