/* Block-wise transfers by themselves: the upload slot and the copy that is being sent. */
#include "cmocka_all.h"

#include <string.h>

#include "clock_edges.h"
#include "net/coap_block.h"
#include "net/coap_lifetime.h"
#include "net/coap_server.h"

#define PUT 3
#define CONTINUE 0x5f
#define CHANGED 0x44
#define BAD_REQUEST 0x80

static const struct coap_peer here = {.addr = {1}}, there = {.addr = {2}};
static uint8_t data[2048];
static unsigned abandons;
static char abandoned[COAP_PATH_MAX + 1];

static void abandon(const char *path) {
    abandons++;
    strcpy(abandoned, path);
}

static int fresh(void **state) {
    (void)state;
    fake_reset();
    coap_block_start();
    abandons = 0;
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i + i / 256);
    }
    return 0;
}

/* ---- uploads ---------------------------------------------------------------------------- */

static struct coap_piece piece(uint32_t num, bool more) {
    return (struct coap_piece){.peer = &here,
                               .path = "a",
                               .method = PUT,
                               .block = {.num = num, .more = more, .szx = 0},
                               .payload = data + num * 16,
                               .len = more ? 16 : 5};
}

static enum coap_upload_result offer(struct coap_piece of) {
    return coap_upload_offer(&of, abandon);
}

static void take(struct coap_piece of, uint8_t code) {
    assert_int_equal(offer(of), COAP_UPLOAD_NEXT);
    coap_upload_answered(&of, code);
}

static void blocks_are_taken_in_order(void **state) {
    (void)state;
    take(piece(0, true), CONTINUE);
    take(piece(1, true), CONTINUE);
    take(piece(2, false), CHANGED);
    assert_int_equal(offer(piece(3, false)), COAP_UPLOAD_GAP);
    assert_int_equal(abandons, 0);
}

static void gaps_are_refused(void **state) {
    (void)state;
    assert_int_equal(offer(piece(1, true)), COAP_UPLOAD_GAP);
    take(piece(0, true), CONTINUE);
    assert_int_equal(offer(piece(2, true)), COAP_UPLOAD_GAP);
    take(piece(1, true), CONTINUE);
}

static void peer_path_and_method_belong_together(void **state) {
    (void)state;
    take(piece(0, true), CONTINUE);
    struct coap_piece other = piece(1, true);
    other.peer = &there;
    assert_int_equal(offer(other), COAP_UPLOAD_GAP);
    other = piece(1, true);
    other.path = "b";
    assert_int_equal(offer(other), COAP_UPLOAD_GAP);
    other = piece(1, true);
    other.method = 2;
    assert_int_equal(offer(other), COAP_UPLOAD_GAP);
    take(piece(1, true), CONTINUE);
}

static void the_block_before_may_come_again(void **state) {
    (void)state;
    take(piece(0, true), CONTINUE);
    take(piece(1, true), CONTINUE);
    assert_int_equal(offer(piece(1, true)), COAP_UPLOAD_REPEATED);
    assert_int_equal(coap_upload_last_code(), CONTINUE);
    struct coap_piece forged = piece(1, true);
    forged.payload = data;
    assert_int_equal(offer(forged), COAP_UPLOAD_GAP); /* other bytes */
    take(piece(2, false), CHANGED);
    assert_int_equal(offer(piece(2, false)), COAP_UPLOAD_REPEATED);
    assert_int_equal(coap_upload_last_code(), CHANGED);
    assert_int_equal(offer(piece(1, true)), COAP_UPLOAD_GAP);
}

static void the_last_block_repeats_for(size_t edge, enum coap_type type, uint32_t lifetime_s) {
    fake_reset();
    coap_block_start();
    start_before_edge(edge, 5000000);
    struct coap_piece last = piece(1, false);
    last.type = type;
    take(piece(0, true), CONTINUE);
    take(last, CHANGED);
    fake_jump_us((lifetime_s - 1) * UINT64_C(1000000));
    assert_int_equal(offer(last), COAP_UPLOAD_REPEATED);
    fake_jump_us(1000000);
    assert_int_equal(offer(last), COAP_UPLOAD_GAP);
    fake_jump_us(UINT64_C(7200) * 1000000);
    assert_int_equal(offer(last), COAP_UPLOAD_GAP);
}

static void the_last_block_is_known_no_longer_than_its_message(void **state) {
    (void)state;
    for (size_t edge = 0; edge < CLOCK_EDGES; edge++) {
        the_last_block_repeats_for(edge, COAP_CON, COAP_EXCHANGE_LIFETIME_S);
        the_last_block_repeats_for(edge, COAP_NON, COAP_NON_LIFETIME_S);
    }
}

static void an_error_ends_the_upload(void **state) {
    (void)state;
    take(piece(0, true), CONTINUE);
    take(piece(1, true), BAD_REQUEST);
    assert_int_equal(abandons, 1);
    assert_int_equal(offer(piece(2, true)), COAP_UPLOAD_GAP);
    assert_int_equal(offer(piece(1, true)), COAP_UPLOAD_REPEATED);
    assert_int_equal(coap_upload_last_code(), BAD_REQUEST);
}

static void an_error_on_the_last_block_abandons_too(void **state) {
    (void)state;
    take(piece(0, true), CONTINUE);
    take(piece(1, false), BAD_REQUEST);
    assert_int_equal(abandons, 1);
}

static void the_slot_is_freed_after_a_minute(void **state) {
    (void)state;
    struct coap_piece other = piece(0, true);
    other.peer = &there;
    take(piece(0, true), CONTINUE);
    coap_upload_prove();
    assert_int_equal(offer(other), COAP_UPLOAD_BUSY);
    fake_advance_us(COAP_UPLOAD_TIMEOUT_S * UINT64_C(1000000) - 1);
    assert_int_equal(offer(other), COAP_UPLOAD_BUSY);
    assert_int_equal(coap_upload_retry_s(), 1);
    fake_advance_us(1);
    assert_string_equal(abandoned, "a");
    take(other, CONTINUE);
    assert_int_equal(abandons, 1);
}

static void a_new_start_abandons_the_old_path(void **state) {
    (void)state;
    take(piece(0, true), CONTINUE);
    struct coap_piece other = piece(0, true);
    other.path = "b";
    take(other, CONTINUE);
    assert_string_equal(abandoned, "a");
    fake_advance_us(COAP_UPLOAD_TIMEOUT_S * UINT64_C(1000000));
    assert_string_equal(abandoned, "b");
    assert_int_equal(abandons, 2);
}

/* ---- a fair share ------------------------------------------------------------------------ */

static unsigned proofs;

static bool proves(const uint8_t *payload, size_t len) {
    proofs++;
    return len > 0 && payload[0] == data[0];
}

static struct coap_piece from(const struct coap_peer *peer, uint32_t num) {
    struct coap_piece made = piece(num, true);
    made.peer = peer;
    return made;
}

/* Its first block is a proof. */
static struct coap_piece proven_from(const struct coap_peer *peer) {
    struct coap_piece made = from(peer, 0);
    made.proves = proves;
    return made;
}

#define S UINT64_C(1000000)

static void what_has_proven_nothing_gives_way_when_it_pauses(void **state) {
    (void)state;
    take(from(&here, 0), CONTINUE);
    fake_advance_us(COAP_UPLOAD_UNPROVEN_S * S - 1);
    assert_int_equal(offer(from(&there, 0)), COAP_UPLOAD_BUSY);
    assert_int_equal(coap_upload_retry_s(), 1);
    take(from(&here, 1), CONTINUE); /* progress */
    fake_advance_us(COAP_UPLOAD_UNPROVEN_S * S - 1);
    assert_int_equal(offer(from(&there, 0)), COAP_UPLOAD_BUSY);
    fake_advance_us(1);
    take(from(&there, 0), CONTINUE);
    assert_int_equal(abandons, 1);
    assert_int_equal(offer(from(&here, 2)), COAP_UPLOAD_GAP);
}

static void to_begin_anew_is_no_progress(void **state) {
    (void)state;
    for (int second = 0; second < COAP_UPLOAD_UNPROVEN_S; second++) {
        take(from(&here, 0), CONTINUE);
        assert_int_equal(offer(from(&there, 0)), COAP_UPLOAD_BUSY);
        fake_advance_us(S);
    }
    take(from(&here, 0), CONTINUE);
    take(from(&there, 0), CONTINUE);
}

static void what_is_proven_goes_first(void **state) {
    (void)state;
    take(from(&here, 0), CONTINUE);
    take(proven_from(&there), CONTINUE);
    assert_int_equal(abandons, 1);
    assert_int_equal(offer(from(&here, 1)), COAP_UPLOAD_GAP);
}

static void a_proof_that_is_none_does_not(void **state) {
    (void)state;
    struct coap_piece forged = proven_from(&there);
    forged.payload = data + 16;
    take(from(&here, 0), CONTINUE);
    assert_int_equal(offer(forged), COAP_UPLOAD_BUSY);
    take(from(&here, 1), CONTINUE);
}

static void what_is_proven_and_goes_on_keeps_its_place(void **state) {
    (void)state;
    take(from(&here, 0), CONTINUE);
    coap_upload_prove();
    proofs = 0;
    for (uint32_t num = 1; num < 10; num++) {
        fake_advance_us(COAP_UPLOAD_STALLED_S * S - 1);
        assert_int_equal(offer(from(&there, 0)), COAP_UPLOAD_BUSY);
        assert_int_equal(offer(proven_from(&there)), COAP_UPLOAD_BUSY);
        take(from(&here, num), CONTINUE);
    }
    assert_int_equal(proofs, 0); /* nor is time spent on it */
    assert_int_equal(abandons, 0);
}

static void what_is_proven_and_pauses_gives_way_to_a_proof_only(void **state) {
    (void)state;
    take(from(&here, 0), CONTINUE);
    coap_upload_prove();
    fake_advance_us(COAP_UPLOAD_STALLED_S * S);
    assert_int_equal(offer(from(&there, 0)), COAP_UPLOAD_BUSY);
    take(proven_from(&there), CONTINUE);
    assert_int_equal(abandons, 1);
}

static void a_proof_ends_with_its_upload(void **state) {
    (void)state;
    take(from(&here, 0), CONTINUE);
    coap_upload_prove();
    take(from(&here, 0), CONTINUE); /* anew */
    take(proven_from(&there), CONTINUE);
}

static void what_is_worked_on_gives_way_to_nobody(void **state) {
    (void)state;
    struct coap_piece first = from(&here, 0);
    assert_int_equal(offer(first), COAP_UPLOAD_NEXT);
    coap_upload_hold(&first);
    fake_advance_us(2 * COAP_UPLOAD_TIMEOUT_S * S);
    assert_int_equal(offer(from(&there, 0)), COAP_UPLOAD_BUSY);
    assert_int_equal(offer(proven_from(&there)), COAP_UPLOAD_BUSY);
    assert_int_equal(coap_upload_release(CHANGED), CONTINUE);
    assert_int_equal(offer(from(&there, 0)), COAP_UPLOAD_BUSY); /* its client was not to blame */
}

static void an_assembled_body_is_bounded(void **state) {
    (void)state;
    size_t len;
    struct coap_piece whole = piece(0, true);
    whole.block.szx = 6;
    whole.len = COAP_REQUEST_BODY_MAX;
    take(whole, CONTINUE);
    assert_int_equal(coap_upload_append(&whole), WM_OK);
    whole.len = 1;
    assert_int_equal(coap_upload_append(&whole), WM_ENOMEM);
    assert_memory_equal(coap_upload_body(&len), data, COAP_REQUEST_BODY_MAX);
    assert_int_equal(len, COAP_REQUEST_BODY_MAX);
}

/* ---- bodies being sent ------------------------------------------------------------------ */

static const struct coap_body_key key = {.peer = &here, .path = "a", .query = "q", .method = 1};

static struct coap_body make(uint8_t fill, size_t len) {
    memset(coap_body_buffer(), fill, len);
    return (struct coap_body){
        .bytes = coap_body_buffer(), .len = len, .code = 0x45, .format = 60, .etag = fill};
}

static void keep(const struct coap_body_key *under, uint8_t fill) {
    struct coap_body body = make(fill, 100);
    coap_body_keep(under, &body);
}

static void a_kept_body_is_not_overwritten(void **state) {
    (void)state;
    struct coap_body body;
    keep(&key, 'x');
    (void)make('y', COAP_BODY_MAX);
    assert_true(coap_body_find(&key, &body));
    assert_int_equal(body.len, 100);
    for (size_t i = 0; i < body.len; i++) {
        assert_int_equal(body.bytes[i], 'x');
    }
}

static void every_part_of_the_key_counts(void **state) {
    (void)state;
    struct coap_body body;
    struct coap_body_key other = key;
    keep(&key, 'x');
    other.peer = &there;
    assert_false(coap_body_find(&other, &body));
    other = key;
    other.path = "b";
    assert_false(coap_body_find(&other, &body));
    other = key;
    other.query = "";
    assert_false(coap_body_find(&other, &body));
    other = key;
    other.method = 2;
    assert_false(coap_body_find(&other, &body));
}

static void a_transfer_holds_its_copy_until_its_end_or_a_pause(void **state) {
    (void)state;
    struct coap_body_key other = {.peer = &there, .path = "a", .query = "", .method = 1};
    struct coap_body body;
    struct coap_block given;
    const uint8_t *bytes;
    size_t len;
    keep(&key, 'x');
    keep(&other, 'y');
    assert_true(coap_body_find(&key, &body));
    fake_advance_us(COAP_BODY_HOLD_US - 1);
    assert_true(coap_body_cut(&body, &(struct coap_block){.num = 1, .szx = 0}, &given, &bytes, &len));
    fake_advance_us(COAP_BODY_HOLD_US - 1);
    keep(&other, 'y');
    assert_true(coap_body_find(&key, &body));
    assert_true(coap_body_cut(&body, &(struct coap_block){.num = 6, .szx = 0}, &given, &bytes, &len));
    assert_false(given.more); /* that was the end */
    assert_true(coap_body_find(&key, &body));
    keep(&other, 'y');
    assert_false(coap_body_find(&key, &body));
    fake_advance_us(COAP_BODY_HOLD_US);
    keep(&key, 'x'); /* the other one paused */
    assert_true(coap_body_find(&key, &body));
}

static void cut(const struct coap_body *body, uint32_t num) {
    struct coap_block given;
    const uint8_t *bytes;
    size_t len;
    assert_true(coap_body_cut(body, &(struct coap_block){.num = num, .szx = 0}, &given, &bytes, &len));
}

static void a_copy_that_nobody_asks_for_is_forgotten(void **state) {
    (void)state;
    for (size_t edge = 0; edge < CLOCK_EDGES; edge++) {
        struct coap_body body;
        fake_reset();
        coap_block_start();
        start_before_edge(edge, 300 * UINT64_C(1000000) < clock_edges_us[edge] ? 300000000 : 5000000);
        keep(&key, 'x');
        for (uint32_t num = 1; num < 4; num++) { /* slow, and yet going on */
            fake_jump_us((COAP_EXCHANGE_LIFETIME_S - 1) * UINT64_C(1000000));
            assert_true(coap_body_find(&key, &body));
            cut(&body, num);
        }
        fake_jump_us(COAP_EXCHANGE_LIFETIME_S * UINT64_C(1000000));
        assert_false(coap_body_find(&key, &body));
    }
}

static void a_newer_body_under_the_same_key_replaces_it(void **state) {
    (void)state;
    struct coap_body body;
    keep(&key, 'x');
    keep(&key, 'y');
    assert_true(coap_body_find(&key, &body));
    assert_int_equal(body.bytes[0], 'y');
    coap_body_forget(&key);
    assert_false(coap_body_find(&key, &body));
}

static void every_block_of_every_size_is_cut_right(void **state) {
    (void)state;
    struct coap_body body = {.bytes = data, .len = 1500};
    for (uint8_t szx = 0; szx <= 6; szx++) {
        size_t size = coap_block_bytes(szx), at = 0;
        for (uint32_t num = 0; at < body.len; num++) {
            struct coap_block given;
            const uint8_t *bytes;
            size_t len;
            assert_true(coap_body_cut(&body, &(struct coap_block){.num = num, .szx = szx}, &given,
                                      &bytes, &len));
            assert_ptr_equal(bytes, data + at);
            assert_int_equal(len, body.len - at < size ? body.len - at : size);
            assert_int_equal(given.more, at + len < body.len);
            at += len;
        }
        assert_int_equal(at, body.len);
    }
}

static void a_block_behind_the_end_is_not_cut(void **state) {
    (void)state;
    struct coap_body body = {.bytes = data, .len = 64};
    struct coap_block given;
    const uint8_t *bytes;
    size_t len;
    assert_false(coap_body_cut(&body, &(struct coap_block){.num = 1, .szx = 2}, &given, &bytes, &len));
    assert_false(
        coap_body_cut(&body, &(struct coap_block){.num = 0xfffff, .szx = 6}, &given, &bytes, &len));
    body.len = 0;
    assert_true(coap_body_cut(&body, &(struct coap_block){.num = 0, .szx = 6}, &given, &bytes, &len));
    assert_int_equal(len, 0);
}

#define T(test) cmocka_unit_test_setup(test, fresh)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(blocks_are_taken_in_order),
        T(gaps_are_refused),
        T(peer_path_and_method_belong_together),
        T(the_block_before_may_come_again),
        T(the_last_block_is_known_no_longer_than_its_message),
        T(an_error_ends_the_upload),
        T(an_error_on_the_last_block_abandons_too),
        T(the_slot_is_freed_after_a_minute),
        T(a_new_start_abandons_the_old_path),
        T(what_has_proven_nothing_gives_way_when_it_pauses),
        T(to_begin_anew_is_no_progress),
        T(what_is_proven_goes_first),
        T(a_proof_that_is_none_does_not),
        T(what_is_proven_and_goes_on_keeps_its_place),
        T(what_is_proven_and_pauses_gives_way_to_a_proof_only),
        T(a_proof_ends_with_its_upload),
        T(what_is_worked_on_gives_way_to_nobody),
        T(an_assembled_body_is_bounded),
        T(a_kept_body_is_not_overwritten),
        T(every_part_of_the_key_counts),
        T(a_transfer_holds_its_copy_until_its_end_or_a_pause),
        T(a_copy_that_nobody_asks_for_is_forgotten),
        T(a_newer_body_under_the_same_key_replaces_it),
        T(every_block_of_every_size_is_cut_right),
        T(a_block_behind_the_end_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
