/* The observer table by itself, over a link with as much room as the test wants. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "clock_edges.h"
#include "net/coap_lifetime.h"
#include "net/coap_observe.h"

/* ---- below ------------------------------------------------------------------------------ */

static int room_for; /* messages that the link still takes */
static struct {
    uint8_t type, peer;
    uint16_t mid;
    uint32_t sequence;
} sent[600];
static size_t sent_count;

static wm_status link_send(const struct coap_peer *peer, const uint8_t *message, size_t len) {
    struct coap_pdu pdu;
    if (room_for == 0) {
        return WM_EAGAIN;
    }
    room_for--;
    assert_int_equal(coap_parse(message, len, &pdu), WM_OK);
    assert_true(sent_count < sizeof sent / sizeof sent[0]);
    sent[sent_count].type = (uint8_t)pdu.type;
    sent[sent_count].peer = peer->addr[0];
    sent[sent_count].mid = pdu.mid;
    sent_count++;
    return WM_OK;
}

static bool link_has_room(void) {
    return room_for > 0;
}

static const struct link test_link = {"test", link_send, link_has_room, true};

/* ---- above ------------------------------------------------------------------------------ */

static bool resource_ok;
static const char *change_while_building;
static bool last_gone;

static bool build(const struct coap_observation *observation, uint32_t sequence, bool gone,
                  struct coap_builder *out) {
    (void)observation;
    coap_build_set_code(out, 0x45);
    sent[sent_count].sequence = sequence;
    last_gone = gone;
    if (change_while_building != NULL) {
        const char *path = change_while_building;
        change_while_building = NULL;
        coap_observe_changed(path);
    }
    return resource_ok && !gone;
}

static enum coap_answer on_request(const struct coap_peer *peer, const struct coap_pdu *pdu,
                                   struct coap_builder *out) {
    (void)peer;
    (void)pdu;
    (void)out;
    return COAP_ANSWER_RESET;
}

static const struct coap_msg_upper upper = {
    .request = on_request, .rejected = coap_observe_rejected, .room = coap_observe_room};

static int fresh(void **state) {
    (void)state;
    fake_reset();
    room_for = 1000;
    sent_count = 0;
    resource_ok = true;
    change_while_building = NULL;
    coap_observe_start(build);
    coap_msg_start(&upper);
    return 0;
}

static struct coap_observation observation(uint8_t peer, const char *token, const char *path) {
    struct coap_observation of = {
        .peer = {.link = &test_link, .addr = {peer}}, .token_len = (uint8_t)strlen(token), .accept = -1};
    memcpy(of.token, token, strlen(token));
    strcpy(of.path, path);
    return of;
}

static int32_t add(uint8_t peer, const char *token, const char *path) {
    struct coap_observation of = observation(peer, token, path);
    return coap_observe_add(&of);
}

#define INTERVAL_US (COAP_OBSERVE_INTERVAL_MS * UINT64_C(1000))

static void change(const char *path) {
    fake_advance_us(INTERVAL_US); /* so that the bound of the rate is not in the way */
    coap_observe_changed(path);
    fake_settle();
}

static void deliver_empty(uint8_t peer, enum coap_type type, uint16_t mid) {
    struct coap_peer from = {.link = &test_link, .addr = {peer}};
    uint8_t message[COAP_HEADER_BYTES];
    coap_build_empty(message, type, mid);
    link_deliver(&from, message, sizeof message);
    fake_settle();
}

/* ---- the table -------------------------------------------------------------------------- */

static void the_same_token_renews_its_entry(void **state) {
    (void)state;
    int32_t first = add(1, "t", "a");
    int32_t second = add(1, "t", "b");
    assert_true(second > first);
    assert_int_equal(coap_observe_count(), 1);
    change("a");
    assert_int_equal(sent_count, 0);
    change("b");
    assert_int_equal(sent_count, 1);
}

static void tokens_and_peers_are_told_apart(void **state) {
    (void)state;
    (void)add(1, "t", "a");
    (void)add(1, "tt", "a");
    (void)add(1, "", "a");
    (void)add(2, "t", "a");
    assert_int_equal(coap_observe_count(), 4);
    struct coap_peer second = observation(2, "", "").peer;
    coap_observe_remove(&second, (const uint8_t *)"t", 1);
    coap_observe_remove(&second, (const uint8_t *)"x", 1);
    assert_int_equal(coap_observe_count(), 3);
}

static const char *const tokens[COAP_OBSERVERS_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h"};

static void fill_the_table(void) {
    for (uint8_t peer = 1; peer <= COAP_OBSERVERS_MAX; peer++) {
        assert_true(add(peer, "t", "a") >= 0);
    }
}

static void refuse_another(void) {
    assert_int_equal(add(100, "t", "a"), WM_ENOMEM);
    fake_settle();
}

static void a_full_table_refuses_and_probes(void **state) {
    (void)state;
    fill_the_table();
    change("a");
    assert_int_equal(sent[0].type, COAP_NON);
    sent_count = 0;
    refuse_another(); /* nothing has changed */
    assert_int_equal(sent_count, COAP_OBSERVERS_MAX);
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        assert_int_equal(sent[i].type, COAP_CON);
    }
    refuse_another(); /* they are being asked */
    assert_int_equal(sent_count, COAP_OBSERVERS_MAX);
    deliver_empty(sent[2].peer, COAP_RST, sent[2].mid); /* one of them is gone: there is room again */
    assert_true(add(100, "t", "a") >= 0);
}

static void the_dead_make_room_though_nothing_changes(void **state) {
    (void)state;
    fill_the_table();
    refuse_another();
    assert_int_equal(sent[4].peer, 5);
    deliver_empty(5, COAP_ACK, sent[4].mid);
    fake_advance_us(20000000);
    refuse_another(); /* the ninth goes on asking, which puts nothing off */
    fake_advance_us(75000000);
    assert_int_equal(coap_observe_count(), 1);
    assert_true(add(100, "t", "a") >= 0);
}

static void who_has_just_answered_is_not_asked_again(void **state) {
    (void)state;
    fill_the_table();
    for (size_t round = 1; round <= 3; round++) {
        refuse_another();
        for (size_t i = (round - 1) * COAP_OBSERVERS_MAX; i < round * COAP_OBSERVERS_MAX; i++) {
            deliver_empty(sent[i].peer, COAP_ACK, sent[i].mid);
        }
        for (int i = 0; i < 20; i++) {
            refuse_another();
        }
        assert_int_equal(sent_count, round * COAP_OBSERVERS_MAX);
        fake_advance_us(30000000);
    }
}

/* On a serial line all are one peer: one after the other is found out, at once when somebody else is
 * there by now and answers RST. */
static void one_peer_is_probed_for_each_of_its_observations(void **state) {
    (void)state;
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        (void)add(1, tokens[i], "a");
    }
    assert_int_equal(add(1, "ninth", "a"), WM_ENOMEM);
    fake_settle();
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        assert_int_equal(sent_count, i + 1);
        deliver_empty(1, i == 5 ? COAP_ACK : COAP_RST, sent[i].mid);
    }
    assert_int_equal(coap_observe_count(), 1);
    assert_true(add(1, "ninth", "a") >= 0);
}

static void a_probe_does_not_wait_for_a_line_that_nobody_reads(void **state) {
    (void)state;
    fill_the_table();
    room_for = 0;
    refuse_another();
    fake_advance_us(100 * 1000000);
    assert_int_equal(coap_observe_count(), 0);
}

static void sequence_numbers_grow_in_24_bits(void **state) {
    (void)state;
    (void)add(1, "t", "a");
    (void)add(2, "t", "a");
    for (int i = 0; i < 10; i++) {
        change("a");
    }
    for (size_t i = 1; i < sent_count; i++) {
        assert_true(sent[i].sequence > sent[i - 1].sequence);
        assert_true(sent[i].sequence <= 0xffffff);
    }
}

/* ---- notifications ---------------------------------------------------------------------- */

static void nothing_is_sent_from_inside_a_change(void **state) {
    (void)state;
    (void)add(1, "t", "a");
    coap_observe_changed("a");
    coap_observe_changed("a");
    assert_int_equal(sent_count, 0);
    fake_settle();
    assert_int_equal(sent_count, 1); /* both changes in one */
}

static void a_change_while_building_is_sent_too(void **state) {
    (void)state;
    (void)add(1, "t", "a");
    change_while_building = "a";
    change("a");
    fake_advance_us(INTERVAL_US);
    assert_int_equal(sent_count, 2);
}

static void without_room_it_waits_and_only_the_newest_goes(void **state) {
    (void)state;
    (void)add(1, "t", "a");
    room_for = 0;
    change("a");
    change("a");
    fake_advance_us(60 * 1000000);
    assert_int_equal(sent_count, 0);
    room_for = 5;
    link_room();
    assert_int_equal(sent_count, 1);
    link_room();
    assert_int_equal(sent_count, 1);
}

static void scarce_room_is_shared_in_turns(void **state) {
    (void)state;
    unsigned served[4] = {0};
    for (uint8_t peer = 1; peer <= 3; peer++) {
        (void)add(peer, "t", "a");
    }
    for (int i = 0; i < COAP_OBSERVERS_MAX; i++) {
        room_for = 1;
        change("a");
    }
    for (size_t i = 0; i < sent_count; i++) {
        served[sent[i].peer]++;
    }
    assert_int_equal(sent_count, COAP_OBSERVERS_MAX);
    for (uint8_t peer = 1; peer <= 3; peer++) {
        assert_true(served[peer] > 0);
    }
}

static void a_reset_for_one_of_the_last_notifications_counts(void **state) {
    (void)state;
    (void)add(1, "t", "a");
    (void)add(2, "t", "a");
    for (int i = 0; i < 3; i++) {
        change("a");
    }
    assert_int_equal(sent[0].peer, 1);
    deliver_empty(2, COAP_RST, sent[0].mid); /* not its own */
    assert_int_equal(coap_observe_count(), 2);
    deliver_empty(1, COAP_RST, sent[0].mid); /* the oldest of three */
    assert_int_equal(coap_observe_count(), 1);
}

/* RFC 7252 section 4.8.2: by then the message ID may be that of another message. */
static void a_reset_counts_no_longer_than_its_notification_lives(void **state) {
    (void)state;
    for (size_t edge = 0; edge < CLOCK_EDGES; edge++) {
        (void)fresh(NULL);
        start_before_edge(edge, 5000000);
        (void)add(1, "t", "a");
        change("a");
        fake_jump_us(COAP_NON_LIFETIME_S * UINT64_C(1000000));
        deliver_empty(1, COAP_RST, sent[0].mid);
        assert_int_equal(coap_observe_count(), 1);
        change("a");
        fake_jump_us((COAP_NON_LIFETIME_S - 1) * UINT64_C(1000000));
        deliver_empty(1, COAP_RST, sent[1].mid);
        assert_int_equal(coap_observe_count(), 0);
    }
}

static void one_confirmable_at_a_time_for_a_peer(void **state) {
    (void)state;
    (void)add(1, "x", "a");
    (void)add(1, "y", "a");
    for (int i = 0; i < COAP_OBSERVE_CON_EVERY; i++) {
        change("a");
    }
    assert_int_equal(sent_count, COAP_OBSERVE_CON_EVERY); /* NSTART = 1: the others wait */
    for (size_t i = 0; i + 1 < sent_count; i++) {
        assert_int_equal(sent[i].type, COAP_NON);
    }
    assert_int_equal(sent[sent_count - 1].type, COAP_CON);
    deliver_empty(1, COAP_ACK, sent[sent_count - 1].mid);
    assert_int_equal(sent_count, COAP_OBSERVE_CON_EVERY + 2); /* what changed meanwhile, of both */
}

/* 31 that need no answer, and five copies of one that does: not more for having observed more. */
static void who_is_gone_is_sent_36_messages(size_t observations, bool same_resource) {
    (void)fresh(NULL);
    for (size_t i = 0; i < observations; i++) {
        (void)add(1, tokens[i], same_resource ? "a" : tokens[i]);
    }
    bool others = observations < COAP_OBSERVERS_MAX && add(2, "t", "a") >= 0;
    for (int i = 0; i < 4 * COAP_OBSERVE_CON_EVERY; i++) {
        for (size_t at = 0; at < observations; at++) {
            coap_observe_changed(tokens[at]);
        }
        fake_advance_us(1000000);
        if (others && sent[sent_count - 1].peer == 2 && sent[sent_count - 1].type == COAP_CON) {
            deliver_empty(2, COAP_ACK, sent[sent_count - 1].mid);
        }
    }
    size_t to_the_dead = 0;
    for (size_t i = 0; i < sent_count; i++) {
        to_the_dead += sent[i].peer == 1;
    }
    assert_int_equal(to_the_dead, 36);
    assert_int_equal(coap_observe_count(), others);
}

static void who_is_gone_is_sent_36_messages_whatever_it_observed(void **state) {
    (void)state;
    for (size_t observations = 1; observations <= COAP_OBSERVERS_MAX; observations++) {
        who_is_gone_is_sent_36_messages(observations, true);
        who_is_gone_is_sent_36_messages(observations, false);
    }
}

static void a_reset_ends_one_observation_and_silence_all(void **state) {
    (void)state;
    (void)add(1, "x", "a");
    (void)add(1, "y", "b");
    (void)add(1, "z", "c");
    coap_observe_gone("a");
    fake_settle();
    deliver_empty(1, COAP_RST, sent[0].mid);
    assert_int_equal(coap_observe_count(), 2);
    coap_observe_gone("b");
    fake_advance_us(100 * 1000000);
    assert_int_equal(coap_observe_count(), 0);
}

/* An observation that begins while its peer is being waited for does not start the count anew. */
static void observing_more_does_not_put_off_the_next_confirmable_one(void **state) {
    (void)state;
    (void)add(1, "x", "a");
    for (int i = 0; i + 1 < COAP_OBSERVE_CON_EVERY; i++) {
        change("a");
    }
    (void)add(1, "y", "b");
    (void)add(1, "x", "a");
    change("b");
    assert_int_equal(sent[sent_count - 1].type, COAP_CON);
}

static void a_deletion_is_told_to_each_observation_in_its_turn(void **state) {
    (void)state;
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        (void)add(1, tokens[i], "a");
    }
    coap_observe_gone("a");
    fake_settle();
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        assert_int_equal(sent_count, i + 1);
        assert_int_equal(sent[i].type, COAP_CON);
        assert_true(last_gone);
        deliver_empty(1, COAP_ACK, sent[i].mid);
        assert_int_equal(coap_observe_count(), COAP_OBSERVERS_MAX - i - 1);
    }
}

static void a_confirmable_one_comes_at_least_daily(void **state) {
    (void)state;
    (void)add(1, "t", "a");
    change("a");
    fake_advance_us(UINT64_C(24) * 3600 * 1000000);
    change("a");
    assert_int_equal(sent[0].type, COAP_NON);
    assert_int_equal(sent[1].type, COAP_CON);
}

#define DAY_US (UINT64_C(24) * 3600 * 1000000)

static void who_is_gone_is_found_out_though_nothing_changes(void **state) {
    (void)state;
    (void)add(1, "t", "a");
    (void)add(2, "t", "b");
    fake_advance_us(DAY_US - 1);
    assert_int_equal(sent_count, 0);
    fake_advance_us(1);
    assert_int_equal(sent_count, 2);
    assert_int_equal(sent[0].type, COAP_CON);
    assert_int_equal(sent[1].type, COAP_CON);
    deliver_empty(sent[0].peer, COAP_ACK, sent[0].mid); /* the other one does not answer */
    fake_advance_us(100 * 1000000);
    assert_int_equal(coap_observe_count(), 1);
    sent_count = 0;
    fake_advance_us(DAY_US);
    assert_true(sent_count > 0);
}

static void the_daily_ones_of_a_peer_come_one_after_the_other(void **state) {
    (void)state;
    (void)add(1, "x", "a");
    (void)add(1, "y", "a");
    fake_advance_us(DAY_US);
    assert_int_equal(sent_count, 1);
    deliver_empty(1, COAP_ACK, sent[0].mid);
    assert_int_equal(sent_count, 2);
    assert_int_equal(sent[1].type, COAP_CON);
}

static void changes_are_not_sent_faster_than_the_bound(void **state) {
    (void)state;
    (void)add(1, "t", "a");
    change("a");
    for (int i = 0; i < 10; i++) {
        coap_observe_changed("a");
        fake_settle();
    }
    fake_advance_us(INTERVAL_US - 1);
    assert_int_equal(sent_count, 1);
    fake_advance_us(1);
    assert_int_equal(sent_count, 2); /* all of them in one */
    (void)add(2, "t", "a");
    coap_observe_changed("a"); /* each observer has a bound of its own */
    fake_settle();
    assert_int_equal(sent_count, 3);
    coap_observe_gone("a"); /* the last word does not wait */
    fake_settle();
    assert_int_equal(sent_count, 5);
}

/* RFC 7641 section 3.4, as a client judges it. */
static bool is_newer(uint32_t before, uint32_t after) {
    const uint32_t half = 1u << 23;
    return (before < after && after - before < half) || (before > after && before - after > half);
}

static void sequence_numbers_stay_in_order_when_they_wrap(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 0xfffff8; i++) { /* renewals count too */
        (void)add(1, "t", "a");
    }
    uint32_t before = (uint32_t)add(1, "t", "a");
    for (int i = 0; i < 20; i++) {
        change("a");
        uint32_t after = sent[sent_count - 1].sequence;
        assert_true(is_newer(before, after));
        fake_advance_us(300 * UINT64_C(1000000)); /* however long it takes */
        before = after;
    }
    assert_true(before < 20);
}

static void an_error_ends_the_observation(void **state) {
    (void)state;
    (void)add(1, "t", "a");
    resource_ok = false;
    change("a");
    assert_int_equal(sent_count, 1);
    assert_int_equal(coap_observe_count(), 0);
}

static void a_deletion_is_repeated_until_it_is_acknowledged(void **state) {
    (void)state;
    (void)add(1, "t", "a");
    coap_observe_gone("a");
    change("a"); /* something new at that path: not what was observed */
    assert_true(last_gone);
    assert_int_equal(sent[0].type, COAP_CON);
    fake_advance_us(3000000);
    assert_int_equal(sent_count, 2);
    assert_int_equal(sent[1].mid, sent[0].mid);
    assert_true(last_gone);
    deliver_empty(1, COAP_ACK, sent[0].mid);
    assert_int_equal(coap_observe_count(), 0);
}

static void renewing_ends_the_wait_for_an_ack(void **state) {
    (void)state;
    (void)add(1, "t", "a");
    coap_observe_gone("a");
    fake_settle();
    (void)add(1, "t", "a");
    fake_advance_us(100 * 1000000);
    assert_int_equal(sent_count, 1);
    assert_int_equal(coap_observe_count(), 1);
    change("a");
    assert_int_equal(sent_count, 2);
    assert_false(last_gone);
}

static void a_retransmission_without_room_is_tried_again(void **state) {
    (void)state;
    (void)add(1, "t", "a");
    coap_observe_gone("a");
    fake_settle();
    room_for = 0;
    fake_advance_us(3000000);
    room_for = 10;
    fake_advance_us(6000000);
    assert_int_equal(sent_count, 2);
    assert_int_equal(coap_observe_count(), 1);
}

#define T(test) cmocka_unit_test_setup(test, fresh)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(the_same_token_renews_its_entry),
        T(tokens_and_peers_are_told_apart),
        T(a_full_table_refuses_and_probes),
        T(the_dead_make_room_though_nothing_changes),
        T(who_has_just_answered_is_not_asked_again),
        T(one_peer_is_probed_for_each_of_its_observations),
        T(a_probe_does_not_wait_for_a_line_that_nobody_reads),
        T(sequence_numbers_grow_in_24_bits),
        T(nothing_is_sent_from_inside_a_change),
        T(a_change_while_building_is_sent_too),
        T(without_room_it_waits_and_only_the_newest_goes),
        T(scarce_room_is_shared_in_turns),
        T(a_reset_for_one_of_the_last_notifications_counts),
        T(a_reset_counts_no_longer_than_its_notification_lives),
        T(one_confirmable_at_a_time_for_a_peer),
        T(who_is_gone_is_sent_36_messages_whatever_it_observed),
        T(a_reset_ends_one_observation_and_silence_all),
        T(observing_more_does_not_put_off_the_next_confirmable_one),
        T(a_deletion_is_told_to_each_observation_in_its_turn),
        T(a_confirmable_one_comes_at_least_daily),
        T(who_is_gone_is_found_out_though_nothing_changes),
        T(the_daily_ones_of_a_peer_come_one_after_the_other),
        T(changes_are_not_sent_faster_than_the_bound),
        T(sequence_numbers_stay_in_order_when_they_wrap),
        T(an_error_ends_the_observation),
        T(a_deletion_is_repeated_until_it_is_acknowledged),
        T(renewing_ends_the_wait_for_an_ack),
        T(a_retransmission_without_room_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
