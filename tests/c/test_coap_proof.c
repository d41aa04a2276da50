/* What a peer over UDP gets that may have been made up (RFC 7252 section 11.3, RFC 9175 section 2.4): at
 * most three bytes for one, and yet every body, by small blocks; and what it gets once its address is
 * proven. */
#include "coap_site.h"

#include "clock_edges.h"
#include "net/coap_lifetime.h"
#include "net/coap_observe.h"
#include "net/coap_proof.h"

#define STRANGER 1
#define FRIEND 2

static size_t received; /* bytes that the node has sent to the stranger */
static uint16_t asked;  /* the message ID of its last ping, or 0 */

/* The next message to the stranger that is not a ping. */
static struct answer next(void) {
    struct answer answer;
    do {
        answer = client_next(STRANGER);
        received += answer.len;
        if (answer.present && answer.pdu.type == COAP_CON && answer.pdu.code == COAP_CODE_EMPTY) {
            asked = answer.pdu.mid;
        }
    } while (answer.present && answer.pdu.code == COAP_CODE_EMPTY);
    return answer;
}

static size_t sent; /* by the stranger */

static struct answer ask(struct ask ask) {
    uint8_t message[2048];
    ask.peer = STRANGER;
    ask.method = ask.method ? ask.method : COAP_GET;
    size_t len = client_build(&ask, message, sizeof message);
    sent += len;
    client_send(STRANGER, message, len);
    struct answer answer = next();
    struct answer more = next(); /* sees the ping */
    assert_false(more.present);
    return answer;
}

#define ASK(...) ask((struct ask){__VA_ARGS__}) /* a GET, unless it says otherwise */

static void drain(void) {
    while (next().present) {
    }
}

static void wait_for_all_copies(void) {
    for (int i = 0; i < 200; i++) {
        fake_advance_us(1000000);
        drain();
    }
}

static int unknown(void **state) {
    received = sent = 0;
    asked = 0;
    return fresh(state);
}

/* ---- small answers ---------------------------------------------------------------------- */

static const char *const lengths[] = {NULL,    "1",      "12",      "123",     "1234",
                                      "12345", "123456", "1234567", "12345678"};

#define TOKENS (sizeof lengths / sizeof lengths[0])

static void no_request_is_answered_with_more_than_three_times_its_bytes(void **state) {
    static const char *const paths[] = {"",
                                        "x",
                                        "big",
                                        "node",
                                        "mute",
                                        "config",
                                        "out/0/features",
                                        "out/0/missing",
                                        ".well-known/core",
                                        "modules/0/control"};
    (void)state;
    for (size_t path = 0; path < sizeof paths / sizeof paths[0]; path++) {
        for (size_t token = 0; token < TOKENS; token++) {
            for (uint8_t method = COAP_GET; method <= COAP_DELETE + 1; method++) {
                for (uint8_t type = COAP_CON; type <= COAP_NON; type++) {
                    (void)unknown(NULL);
                    site.control_code = COAP_422_UNPROCESSABLE;
                    (void)ASK(.method = method, .type = type, .path = paths[path],
                              .token = lengths[token], .payload = "x", .len = method != COAP_GET,
                              .observe = method == COAP_GET ? 1 + 0 : 0);
                    coap_server_changed("out/0/features");
                    coap_server_changed("big");
                    wait_for_all_copies();
                    assert_true(received <= 3 * sent);
                }
            }
        }
    }
}

static void noise_is_not_answered_with_more_than_three_times_its_bytes(void **state) {
    static const uint8_t messages[][7] = {
        {0x40, 0, 0, 1}, {0x40, 1, 0, 2}, {0x4f, 1, 0, 3}, {0x40, 0x45, 0, 4}, {0x50, 1, 0, 5}};
    (void)state;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        (void)unknown(NULL);
        client_send(STRANGER, messages[i], COAP_HEADER_BYTES);
        wait_for_all_copies();
        assert_true(received <= 3 * COAP_HEADER_BYTES);
    }
}

/* As any client of RFC 7959 does it: the size is the server's, the number goes on. */
static size_t fetch(const char *path, const char *token, uint8_t *out) {
    struct coap_block block = {0};
    struct answer answer = ASK(.path = path, .token = token);
    size_t len = 0;
    int64_t etag = option_of(&answer, COAP_OPT_ETAG);
    while (true) {
        assert_code(&answer, COAP_205_CONTENT);
        assert_true(received <= 3 * sent);
        assert_int_equal(option_of(&answer, COAP_OPT_ETAG), etag); /* always, or never */
        memcpy(out + len, answer.pdu.payload, answer.pdu.payload_len);
        len += answer.pdu.payload_len;
        if (option_of(&answer, COAP_OPT_BLOCK2) < 0 || !block_of(&answer, COAP_OPT_BLOCK2).more) {
            return len;
        }
        block = block_of(&answer, COAP_OPT_BLOCK2);
        assert_int_equal(coap_block_offset(&block) + coap_block_bytes(block.szx), len);
        block.num++;
        block.more = false;
        answer = ASK(.path = path, .token = token, .block2 = &block);
    }
}

static void a_stranger_still_gets_every_body(void **state) {
    (void)state;
    uint8_t whole[4096], known[4096];
    for (size_t token = 0; token < TOKENS; token++) {
        (void)unknown(NULL);
        struct answer answer = GET(.path = ".well-known/core");
        size_t known_len = answer.pdu.payload_len;
        memcpy(known, answer.pdu.payload, known_len);
        assert_int_equal(fetch(".well-known/core", lengths[token], whole), known_len);
        assert_memory_equal(whole, known, known_len);
        if (token > 0) { /* else see below */
            assert_int_equal(fetch("big", lengths[token], whole), site.big_len);
            for (size_t i = 0; i < site.big_len; i++) {
                assert_int_equal(whole[i], big_byte(i));
            }
        }
    }
}

static void what_fits_is_one_message_and_nothing_is_asked(void **state) {
    (void)state;
    struct answer answer = ASK(.path = "node", .token = "t");
    assert_payload(&answer, "version 0");
    assert_int_equal(option_of(&answer, COAP_OPT_BLOCK2), -1);
    assert_int_equal(asked, 0);
    site.big_len = 20; /* more than the smallest block */
    answer = ASK(.path = "big", .token = "12345678");
    assert_slice(&answer, 0, 20);
    assert_int_equal(option_of(&answer, COAP_OPT_BLOCK2), -1);
    assert_int_equal(asked, 0);
}

/* Eight bytes: not even the smallest block fits into 24. */
static void where_no_block_fits_an_echo_value_is_given(void **state) {
    (void)state;
    struct answer answer = ASK(.path = "big");
    assert_code(&answer, COAP_401_UNAUTHORIZED);
    assert_true(option_of(&answer, COAP_OPT_ECHO) >= 0);
    assert_int_equal(answer.pdu.payload_len, 0);
    client_reply_empty(STRANGER, COAP_RST, asked); /* what a client without Echo can do */
    answer = ASK(.path = "big");
    assert_slice(&answer, 0, 1024);
}

static void a_diagnostic_is_cut(void **state) {
    (void)state;
    struct answer answer = ASK(.path = "out/0/missing", .token = "12345678");
    assert_code(&answer, COAP_404_NOT_FOUND);
    assert_payload(&answer, "slot 0 has no stream missing");
    answer = ASK(.path = "nowhere");
    assert_payload(&answer, "there is no /nowhere");
    site.control_code = COAP_422_UNPROCESSABLE; /* 200 digits */
    answer = ASK(.method = COAP_POST, .path = "modules/0/control");
    assert_code(&answer, COAP_422_UNPROCESSABLE);
    assert_int_equal(answer.len, 3 * (4 + 8 + 2 + 8));
    assert_int_equal(asked, 0);
}

static void a_character_is_not_cut_in_two(void **state) {
    (void)state;
    for (size_t token = 0; token < TOKENS; token++) {
        (void)unknown(NULL);
        struct answer answer = ASK(.path = "\xc3\xa4\xc3\xb6", .token = lengths[token]);
        assert_code(&answer, COAP_404_NOT_FOUND);
        size_t len = answer.pdu.payload_len;
        assert_true(len < 14 || answer.pdu.payload[len - 1] != 0xc3);
    }
}

static void large_answers_to_a_post_come_in_small_blocks(void **state) {
    (void)state;
    static const uint8_t payload[200];
    struct answer answer = ASK(.method = COAP_POST, .path = "big", .token = "tok", .payload = payload,
                               .len = sizeof payload);
    assert_slice(&answer, 0, 16); /* as small as those to come, whose requests have no body */
    assert_int_equal(site.runs, 1);
    struct coap_block second = {.num = 1, .szx = 0};
    answer = ASK(.method = COAP_POST, .path = "big", .token = "tok", .block2 = &second);
    assert_slice(&answer, 16, 16);
    assert_int_equal(site.runs, 1);
}

static void a_serial_line_is_exempt(void **state) {
    (void)state;
    struct answer answer = GET(.path = "big");
    assert_slice(&answer, 0, 1024);
    const struct coap_option echo = {COAP_OPT_ECHO, (const uint8_t *)"?", 1};
    answer = GET(.path = "node", .extra = {echo});
    assert_code(&answer, COAP_205_CONTENT);
}

/* ---- proof ------------------------------------------------------------------------------ */

static void the_answer_to_a_ping_is_the_proof(void **state) {
    (void)state;
    for (enum coap_type type = COAP_ACK; type <= COAP_RST; type++) {
        (void)unknown(NULL);
        (void)ASK(.path = "big", .token = "tok");
        assert_int_not_equal(asked, 0);
        client_reply_empty(STRANGER, type, asked);
        struct answer answer = ASK(.path = "big", .token = "tok");
        assert_slice(&answer, 0, 1024);
    }
}

/* As many as there are programs that ask one thing and end. */
static void those_who_never_answer_do_not_keep_others_from_being_asked(void **state) {
    (void)state;
    for (uint8_t peer = 100; peer < 200; peer++) {
        (void)GET(.path = "big", .token = "tok", .peer = peer);
        struct answer ping = client_next(peer);
        assert_int_equal(ping.pdu.type, COAP_CON);
        assert_int_equal(ping.pdu.code, COAP_CODE_EMPTY);
    }
}

static void a_guess_proves_nothing_and_there_is_one(void **state) {
    (void)state;
    (void)ASK(.path = "big", .token = "tok");
    client_reply_empty(STRANGER, COAP_RST, (uint16_t)(asked + 1));
    client_reply_empty(STRANGER, COAP_RST, asked); /* too late */
    struct answer answer = ASK(.path = "big", .token = "tok");
    assert_slice(&answer, 0, 16);
    client_reply_empty(FRIEND, COAP_RST, asked); /* it is for the stranger only */
    answer = GET(.path = "big", .token = "t", .peer = FRIEND);
    assert_slice(&answer, 0, 16);
}

/* Of other messages: whoever sees some of them must not be able to tell a ping's. */
static void the_ids_of_pings_are_no_sequence(void **state) {
    (void)state;
    (void)ASK(.path = "big", .token = "tok");
    uint16_t first = asked;
    client_reply_empty(STRANGER, COAP_RST, (uint16_t)(asked + 1));
    (void)ASK(.path = "big", .token = "tok");
    assert_int_not_equal((uint16_t)(asked - first), 1);
    assert_int_not_equal(asked, first);
}

static struct coap_option echo_of(const struct answer *answer) {
    struct coap_option_walk walk;
    struct coap_option option = {0};
    coap_option_walk_init(&walk, &answer->pdu);
    while (coap_option_next(&walk, &option) == WM_OK && option.number != COAP_OPT_ECHO) {
    }
    assert_int_equal(option.number, COAP_OPT_ECHO);
    assert_int_equal(option.len, COAP_ECHO_BYTES);
    return option;
}

static const struct coap_option no_echo = {COAP_OPT_ECHO, (const uint8_t *)"?", 1};

static void an_echo_value_is_the_proof(void **state) {
    (void)state;
    struct answer first = ASK(.path = "big", .token = "t", .extra = {no_echo});
    assert_code(&first, COAP_401_UNAUTHORIZED);
    assert_int_equal(site.runs, 0); /* it is not executed */
    assert_int_equal(asked, 0);
    struct coap_option echo = echo_of(&first);
    struct answer answer = GET(.path = "big", .peer = FRIEND, .token = "t", .extra = {echo});
    assert_code(&answer, COAP_401_UNAUTHORIZED); /* somebody else's */
    answer = ASK(.path = "big", .token = "t", .extra = {echo});
    assert_slice(&answer, 0, 1024);
    answer = ASK(.path = "big", .token = "tok");
    assert_slice(&answer, 0, 1024);
}

static void an_echo_value_is_good_for_minutes(void **state) {
    (void)state;
    for (size_t edge = 0; edge < CLOCK_EDGES; edge++) {
        (void)unknown(NULL);
        start_before_edge(edge, 5000000);
        struct answer first = ASK(.path = "node", .extra = {no_echo});
        struct coap_option echo = echo_of(&first);
        fake_jump_us(120 * UINT64_C(1000000));
        struct answer answer = ASK(.path = "node", .extra = {echo});
        assert_code(&answer, COAP_205_CONTENT);
        fake_jump_us(300 * UINT64_C(1000000)); /* it, and the proof, have ended */
        answer = ASK(.path = "node", .extra = {echo});
        assert_code(&answer, COAP_401_UNAUTHORIZED);
        echo = echo_of(&answer);
        answer = ASK(.path = "node", .extra = {echo});
        assert_code(&answer, COAP_205_CONTENT);
    }
}

static void a_proof_does_not_last_for_ever(void **state) {
    (void)state;
    for (size_t edge = 0; edge < CLOCK_EDGES; edge++) {
        (void)unknown(NULL);
        start_before_edge(edge, 5000000);
        client_prove(STRANGER);
        fake_jump_us((COAP_EXCHANGE_LIFETIME_S - 1) * UINT64_C(1000000));
        struct answer answer = ASK(.path = "big");
        assert_slice(&answer, 0, 1024);
        fake_jump_us(1000000);
        answer = ASK(.path = "big", .token = "tok");
        assert_slice(&answer, 0, 16);
    }
}

static void who_goes_on_asking_is_asked_before_it_ends(void **state) {
    (void)state;
    client_prove(STRANGER);
    for (int minute = 0; minute < 60; minute++) {
        fake_jump_us(60 * UINT64_C(1000000));
        asked = 0;
        struct answer answer = ASK(.path = "big");
        assert_slice(&answer, 0, 1024);
        if (asked != 0) {
            client_reply_empty(STRANGER, COAP_RST, asked);
        }
    }
}

static void a_flood_of_strangers_takes_one_place_from_the_proven(void **state) {
    (void)state;
    for (uint8_t peer = 1; peer <= COAP_PROOFS_MAX; peer++) {
        client_prove(peer);
    }
    for (uint8_t peer = 100; peer < 200; peer++) {
        (void)GET(.path = "big", .token = "t", .peer = peer);
    }
    unsigned proven = 0;
    for (uint8_t peer = COAP_PROOFS_MAX; peer > 0; peer--) {
        struct answer answer = GET(.path = "big", .token = "t", .peer = peer);
        proven += answer.pdu.payload_len == 1024;
    }
    assert_int_equal(proven, COAP_PROOFS_MAX - 1);
}

static const struct link network = {.name = "network"};

/* What it was sent while it was proven, and asked for then, is no credit for later. */
static void nothing_is_left_of_a_proof_that_has_ended(void **state) {
    (void)state;
    const struct coap_peer peer = {.link = &network, .addr = {7}};
    coap_proof_heard(&peer, 100);
    assert_int_equal(coap_proof_room(&peer), 300);
    assert_true(coap_proof_spend(&peer, 300));
    assert_false(coap_proof_spend(&peer, 1));
    coap_proof_give(&peer);
    assert_int_equal(coap_proof_room(&peer), COAP_PDU_MAX);
    for (int i = 0; i < 100; i++) {
        coap_proof_allow(&peer, 1000);
        assert_true(coap_proof_spend(&peer, 1000));
    }
    coap_proof_heard(&peer, 10); /* its answer may come when the proof has ended */
    fake_jump_us(COAP_EXCHANGE_LIFETIME_S * UINT64_C(1000000));
    assert_int_equal(coap_proof_room(&peer), 30);
    coap_proof_allow(&peer, 1000); /* a notification that it asked for when it was proven */
    assert_true(coap_proof_spend(&peer, 1000));
    assert_int_equal(coap_proof_room(&peer), 30);
}

/* ---- observations ----------------------------------------------------------------------- */

static struct answer register_and_change(void) {
    struct answer answer = ASK(.path = "out/0/features", .token = "tok", .observe = 1 + 0);
    assert_true(option_of(&answer, COAP_OPT_OBSERVE) >= 0);
    assert_int_not_equal(asked, 0);
    site.version++;
    coap_server_changed("out/0/features");
    fake_settle();
    return next();
}

static void a_proven_observer_is_notified_of_what_changed_meanwhile(void **state) {
    (void)state;
    struct answer answer = register_and_change();
    assert_false(answer.present);
    client_reply_empty(STRANGER, COAP_RST, asked);
    answer = next();
    assert_payload(&answer, "version 1");
    fake_jump_us(3600 *
                 UINT64_C(1000000)); /* the address may be another's by now, the observation is not */
    site.version++;
    coap_server_changed("out/0/features");
    fake_settle();
    answer = next();
    assert_payload(&answer, "version 2");
}

/* However much of the budget the answer takes. */
static void every_registration_is_followed_by_a_ping(void **state) {
    (void)state;
    for (size_t token = 1; token < TOKENS; token++) {
        for (size_t len = 1; len < 200; len++) {
            (void)unknown(NULL);
            site.big_len = len;
            struct answer answer = ASK(.path = "big", .token = lengths[token], .observe = 1 + 0);
            if (option_of(&answer, COAP_OPT_BLOCK2) >= 0 && asked == 0) {
                answer = ASK(.path = "big", .token = lengths[token],
                             .block2 = &((struct coap_block){.num = 1, .szx = 0}));
                assert_code(&answer, COAP_205_CONTENT);
            }
            assert_int_not_equal(asked, 0);
            assert_true(received <= 3 * sent);
        }
    }
}

static void a_made_up_observer_is_sent_three_bytes_for_one_in_all(void **state) {
    (void)state;
    (void)register_and_change();
    for (int i = 0; i < 100; i++) {
        fake_advance_us(1000000);
        coap_server_changed("out/0/features");
        drain();
    }
    coap_server_gone("out/0/features");
    wait_for_all_copies();
    assert_true(received <= 3 * sent);
    assert_int_equal(coap_observe_count(), 0);
}

static void made_up_observers_do_not_keep_others_out(void **state) {
    (void)state;
    for (uint8_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        (void)OBSERVE(.path = "out/0/features", .token = "t", .peer = (uint8_t)(100 + i));
    }
    fake_advance_us(100 * UINT64_C(1000000));
    struct answer answer = OBSERVE(.path = "out/0/features", .token = "t");
    assert_true(option_of(&answer, COAP_OPT_OBSERVE) >= 0);
}

#define T(test) cmocka_unit_test_setup(test, unknown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(no_request_is_answered_with_more_than_three_times_its_bytes),
        T(noise_is_not_answered_with_more_than_three_times_its_bytes),
        T(a_stranger_still_gets_every_body),
        T(what_fits_is_one_message_and_nothing_is_asked),
        T(where_no_block_fits_an_echo_value_is_given),
        T(a_diagnostic_is_cut),
        T(a_character_is_not_cut_in_two),
        T(large_answers_to_a_post_come_in_small_blocks),
        T(a_serial_line_is_exempt),
        T(the_answer_to_a_ping_is_the_proof),
        T(those_who_never_answer_do_not_keep_others_from_being_asked),
        T(a_guess_proves_nothing_and_there_is_one),
        T(the_ids_of_pings_are_no_sequence),
        T(an_echo_value_is_the_proof),
        T(an_echo_value_is_good_for_minutes),
        T(a_proof_does_not_last_for_ever),
        T(who_goes_on_asking_is_asked_before_it_ends),
        T(nothing_is_left_of_a_proof_that_has_ended),
        T(a_flood_of_strangers_takes_one_place_from_the_proven),
        T(a_proven_observer_is_notified_of_what_changed_meanwhile),
        T(every_registration_is_followed_by_a_ping),
        T(a_made_up_observer_is_sent_three_bytes_for_one_in_all),
        T(made_up_observers_do_not_keep_others_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
