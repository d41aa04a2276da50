/* The record ring: exact loss, whole records, wrap of offsets and of sequence numbers. */
#include "cmocka_all.h"

#include <string.h>

#include "node/record_ring.h"

static uint8_t storage[64];
static uint8_t copied[256];

/* Record n is n % 5 + 1 bytes of the value n. */
static void push(struct record_ring *ring) {
    uint8_t record[8];
    size_t len = ring->next % 5 + 1;
    memset(record, (int)(ring->next & 0xff), sizeof record);
    assert_true(record_ring_push(ring, record, len));
}

static void assert_records(struct record_batch batch, uint32_t first, uint32_t count) {
    size_t at = 0;
    assert_int_equal(batch.count, count);
    for (uint32_t n = first; n != first + count; n++)
        for (size_t i = 0; i < n % 5 + 1; i++)
            assert_int_equal(copied[at++], n & 0xff);
    assert_int_equal(batch.len, at);
}

static void a_reader_gets_what_it_has_not_seen(void **state) {
    (void)state;
    struct record_ring ring;
    record_ring_init(&ring, storage, sizeof storage, 0);
    for (int i = 0; i < 8; i++)
        push(&ring);
    struct record_batch batch = record_ring_after(&ring, 4, copied, sizeof copied);
    assert_int_equal(batch.lost, 0);
    assert_records(batch, 5, 3);
    assert_records(record_ring_all(&ring, copied, sizeof copied), 0, 8);
    assert_records(record_ring_newest(&ring, copied, sizeof copied), 7, 1);
    batch = record_ring_after(&ring, 7, copied, sizeof copied);
    assert_int_equal(batch.count + batch.lost, 0);
    batch = record_ring_after(&ring, 100, copied, sizeof copied); /* a reader of another boot */
    assert_int_equal(batch.count + batch.lost, 0);
}

static void an_empty_ring_has_nothing(void **state) {
    (void)state;
    struct record_ring ring;
    record_ring_init(&ring, storage, sizeof storage, 40);
    assert_int_equal(record_ring_newest(&ring, copied, sizeof copied).count, 0);
    assert_int_equal(record_ring_all(&ring, copied, sizeof copied).count, 0);
    assert_int_equal(record_ring_after(&ring, 39, copied, sizeof copied).lost, 0);
}

static void loss_is_exact_at_every_fill(void **state) {
    (void)state;
    struct record_ring ring;
    record_ring_init(&ring, storage, sizeof storage, 1000);
    for (uint32_t pushed = 1; pushed <= 500; pushed++) {
        push(&ring);
        assert_int_equal(ring.next, 1000 + pushed);
        assert_true(ring.used <= sizeof storage);
        struct record_batch batch = record_ring_after(&ring, 999, copied, sizeof copied);
        assert_int_equal(batch.lost, ring.oldest - 1000);
        assert_int_equal(batch.lost + batch.count, pushed);
        assert_records(batch, ring.oldest, ring.next - ring.oldest);
    }
}

static void only_whole_records_are_copied(void **state) {
    (void)state;
    struct record_ring ring;
    record_ring_init(&ring, storage, sizeof storage, 0);
    for (int i = 0; i < 6; i++)
        push(&ring); /* 1 2 3 4 5 1 bytes */
    assert_records(record_ring_after(&ring, UINT32_MAX, copied, 9), 0, 3);
    assert_records(record_ring_after(&ring, UINT32_MAX, copied, 10), 0, 4);
    assert_int_equal(record_ring_after(&ring, UINT32_MAX, copied, 0).count, 0);
}

static void sequence_numbers_wrap(void **state) {
    (void)state;
    struct record_ring ring;
    record_ring_init(&ring, storage, sizeof storage, UINT32_MAX - 1);
    uint8_t record[1] = {0x55};
    for (int i = 0; i < 4; i++)
        record_ring_push(&ring, record, 1);
    assert_int_equal(ring.next, 2);
    struct record_batch batch = record_ring_after(&ring, UINT32_MAX, copied, sizeof copied);
    assert_int_equal(batch.count, 2);
    assert_int_equal(batch.lost, 0);
}

static void what_fits_in_no_ring_changes_nothing(void **state) {
    (void)state;
    struct record_ring ring;
    uint8_t record[sizeof storage] = {0};
    record_ring_init(&ring, storage, sizeof storage, 0);
    push(&ring);
    assert_false(record_ring_push(&ring, record, sizeof storage - 1));
    assert_int_equal(ring.next, 1);
    assert_records(record_ring_all(&ring, copied, sizeof copied), 0, 1);
    assert_true(record_ring_push(&ring, record, sizeof storage - 2)); /* the largest possible */
    assert_int_equal(ring.oldest, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_gets_what_it_has_not_seen),
        cmocka_unit_test(an_empty_ring_has_nothing),
        cmocka_unit_test(loss_is_exact_at_every_fill),
        cmocka_unit_test(only_whole_records_are_copied),
        cmocka_unit_test(sequence_numbers_wrap),
        cmocka_unit_test(what_fits_in_no_ring_changes_nothing),
    };
    return cmocka_run_group_tests_name("record_ring", tests, NULL, NULL);
}
