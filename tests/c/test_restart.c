/* Orders to restart: whose are obeyed, that none is obeyed twice, and that the answer leaves first. */
#include "cmocka_all.h"

#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

#include "core/cbor.h"
#include "fake_hal.h"
#include "net/link.h"
#include "node/restart.h"
#include "node/trust.h"
#include "signed_message.h"
#include "store/store.h"
#include "tests/powercut/nor.h"

#define NO_NUMBER 0

static const struct geometry geometry = {"one bank", {4096, 4096}, 4096, {4096}};
static const uint8_t seed[SEED_BYTES] = {1}, stranger[SEED_BYTES] = {2};
static char why[128];
static uint8_t message[512];
static size_t message_len;

/* ---- a board that restarts ------------------------------------------------------------------- */

static jmp_buf restarted;
static enum hal_start restarted_how;
static bool has_loader;

bool hal_can_restart(enum hal_start how) {
    return how != HAL_START_LOADER || has_loader;
}

void hal_restart(enum hal_start how) {
    restarted_how = how;
    longjmp(restarted, 1);
}

static bool restarts_within_us(uint64_t span) {
    if (setjmp(restarted))
        return true;
    fake_advance_us(span);
    return false;
}

static void receive(const struct coap_peer *peer, const uint8_t *bytes, size_t len) {
    (void)peer, (void)bytes, (void)len;
}

static bool is_ready(void) {
    return true;
}

static void on_room(void) {
}

static int setup(void **state) {
    static const struct link_upper upper = {receive, is_ready, on_room};
    (void)state;
    fake_reset();
    nor_reset(&geometry, 1);
    assert_int_equal(store_start(), WM_OK);
    has_loader = true;
    link_listen(&upper);
    slipmux_link_start();
    return 0;
}

/* ---- orders ---------------------------------------------------------------------------------- */

static void make_order(uint64_t how, uint32_t number) {
    struct cbor_out out;
    cbor_out_init(&out, message, sizeof message);
    cbor_put_map(&out, number == NO_NUMBER ? 1 : 2);
    cbor_put_uint(&out, 0);
    cbor_put_uint(&out, how);
    if (number != NO_NUMBER) {
        cbor_put_uint(&out, 1);
        cbor_put_uint(&out, number);
    }
    message_len = out.len;
}

static void sign(const uint8_t *by, const char *external_aad) {
    message_len = sign_message(by, external_aad, message, message_len, sizeof message);
}

static wm_status send(bool is_signed) {
    return restart_order(message, message_len, is_signed, why, sizeof why);
}

static wm_status order(enum hal_start how, const uint8_t *by, uint32_t number) {
    make_order(how, number);
    if (by)
        sign(by, "wasmote node");
    return send(by);
}

static void trust_our_key(void) {
    uint8_t key[TRUST_KEY_BYTES];
    signer_public_key(seed, key);
    assert_int_equal(trust_put(0, key), WM_OK);
}

static void in_development_mode_everybody_may(void **state) {
    (void)state;
    for (int how = HAL_START_USUAL; how <= HAL_START_LOADER; how++) {
        assert_int_equal(order((enum hal_start)how, NULL, NO_NUMBER), WM_OK);
        assert_true(restarts_within_us(10000));
        assert_int_equal(restarted_how, how);
    }
    assert_int_equal(trust_sequence(), 0);
}

static void the_answer_leaves_first(void **state) {
    uint8_t taken[16];
    (void)state;
    assert_int_equal(order(HAL_START_USUAL, NULL, NO_NUMBER), WM_OK);
    hal_uart_write((const uint8_t *)"answer", 6);
    assert_false(restarts_within_us(500000));
    assert_int_equal(fake_uart_take(taken, sizeof taken), 6);
    assert_true(restarts_within_us(10000));
}

static void nobody_who_does_not_listen_keeps_it(void **state) {
    (void)state;
    assert_int_equal(order(HAL_START_USUAL, NULL, NO_NUMBER), WM_OK);
    hal_uart_write((const uint8_t *)"answer", 6);
    assert_true(restarts_within_us(1100000));
}

static void a_node_with_keys_obeys_them_alone(void **state) {
    (void)state;
    trust_our_key();
    assert_int_equal(order(HAL_START_USUAL, NULL, NO_NUMBER), WM_EPERM);
    assert_non_null(strstr(why, "not signed"));
    assert_int_equal(order(HAL_START_USUAL, stranger, 1), WM_EPERM);
    assert_non_null(strstr(why, "does not trust"));
    make_order(HAL_START_USUAL, 1);
    sign(seed, "wasmote keys");
    assert_int_equal(send(true), WM_EPERM);
    assert_non_null(strstr(why, "does not fit"));
    assert_false(restarts_within_us(2000000));
    assert_int_equal(order(HAL_START_LOADER, seed, 1), WM_OK);
    assert_true(restarts_within_us(10000));
}

static void an_order_is_obeyed_once(void **state) {
    (void)state;
    trust_our_key();
    assert_int_equal(order(HAL_START_USUAL, seed, 3), WM_OK);
    assert_true(restarts_within_us(10000));
    assert_int_equal(store_start(), WM_OK);
    assert_int_equal(send(true), WM_EPERM);
    assert_non_null(strstr(why, "not newer"));
    assert_int_equal(order(HAL_START_USUAL, seed, 2), WM_EPERM);
    assert_int_equal(order(HAL_START_USUAL, seed, NO_NUMBER), WM_EPERM);
    assert_false(restarts_within_us(2000000));
    assert_int_equal(order(HAL_START_USUAL, seed, 4), WM_OK);
    assert_true(restarts_within_us(10000));
}

static void a_board_whose_loader_does_not_hear_the_link(void **state) {
    (void)state;
    has_loader = false;
    trust_our_key();
    assert_int_equal(order(HAL_START_LOADER, seed, 1), WM_EBUSY);
    assert_non_null(strstr(why, "no loader"));
    assert_int_equal(trust_sequence(), 0);
    assert_false(restarts_within_us(2000000));
}

static void what_is_no_order(void **state) {
    (void)state;
    assert_int_equal(restart_order(NULL, 0, false, why, sizeof why), WM_EINVAL);
    assert_int_equal(restart_order(NULL, 0, true, why, sizeof why), WM_EINVAL);
    make_order(HAL_START_LOADER + 1, NO_NUMBER);
    assert_int_equal(send(false), WM_EINVAL);
    make_order(HAL_START_USUAL, 7);
    message_len--;
    assert_int_equal(send(false), WM_EINVAL);
    assert_false(restarts_within_us(2000000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(in_development_mode_everybody_may, setup),
        cmocka_unit_test_setup(the_answer_leaves_first, setup),
        cmocka_unit_test_setup(nobody_who_does_not_listen_keeps_it, setup),
        cmocka_unit_test_setup(a_node_with_keys_obeys_them_alone, setup),
        cmocka_unit_test_setup(an_order_is_obeyed_once, setup),
        cmocka_unit_test_setup(a_board_whose_loader_does_not_hear_the_link, setup),
        cmocka_unit_test_setup(what_is_no_order, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
