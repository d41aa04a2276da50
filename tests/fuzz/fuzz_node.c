/* The whole firmware but its HAL: real resources, real modules. Bundles are installed, started, swapped
 * and made to trap, samples and parameters are fed, payloads are damaged, time jumps. Every message
 * that comes back must be well-formed, and so must its CBOR; with the modules gone, so is their memory.
 *
 * The firmware starts once; each input ends with both slots empty.
 *
 * An input is a list of steps: a byte that says what, then what that needs. */
#include "fuzz.h"

#include <string.h>

#include "bundles.h" /* made by seeds.py */
#include "coap_client.h"
#include "core/cbor.h"
#include "core/loop.h"
#include "net/slipmux.h"
#include "node/node.h"
#include "runtime.h"
#include "../powercut/nor.h"

#define STEPS_MAX 64
#define PEERS 4

/* ---- the rest of a board ---------------------------------------------------------------- */

size_t hal_sensor_count(void) {
    return 1;
}

const struct hal_sensor *hal_sensor_info(size_t index) {
    static const char *const channel[] = {"value"}, *const unit[] = {"Cel"};
    static const struct hal_sensor chip = {"chip", 1, channel, unit};
    FUZZ_CHECK(index == 0);
    return &chip;
}

static bool converter_is_dead;

wm_status hal_sensor_take(size_t index, hal_raw *raw) {
    FUZZ_CHECK(index == 0);
    raw->value[0] = 20;
    return converter_is_dead ? WM_EIO : WM_OK;
}

wm_status hal_sensor_values(size_t index, const hal_raw *raw, float *values) {
    FUZZ_CHECK(index == 0);
    values[0] = raw->value[0];
    return WM_OK;
}

size_t hal_unique_id(uint8_t *out, size_t cap) {
    memset(out, 7, cap < 12 ? cap : 12);
    return cap < 12 ? cap : 12;
}

hal_reset_cause hal_get_reset_cause(void) {
    return HAL_RESET_FAULT;
}

/* Orders are read to their end and then refused: every input goes on with the same node. */
bool hal_can_restart(enum hal_start how) {
    (void)how;
    return false;
}

void hal_restart(enum hal_start how) {
    (void)how;
    abort();
}

const char *hal_last_fault(void) {
    return "HardFault pc=08001234";
}

size_t hal_stack_unused(void) {
    return 0;
}

static const uint8_t *stack_limit;

const void *hal_stack_limit(void) {
    return stack_limit;
}

/* ---- what the node sends ---------------------------------------------------------------- */

static struct slipmux from_node;
static uint16_t newest_mid[PEERS];

/* A body that is whole is one CBOR item. */
static void check_body(const struct coap_pdu *pdu) {
    struct answer answer = {.present = true, .pdu = *pdu};
    int64_t format = option_of(&answer, COAP_OPT_CONTENT_FORMAT);
    bool is_cbor = format == COAP_FORMAT_CBOR || format == COAP_FORMAT_SENML_CBOR;
    if (is_cbor && option_of(&answer, COAP_OPT_BLOCK2) <= 0) {
        struct cbor_in in;
        cbor_in_init(&in, pdu->payload, pdu->payload_len);
        cbor_skip(&in);
        FUZZ_CHECK(!in.error && cbor_at_end(&in));
    }
}

static void check_sent(uint8_t peer, const uint8_t *bytes, size_t len) {
    struct coap_pdu pdu;
    FUZZ_CHECK(len <= COAP_PDU_MAX && coap_parse(bytes, len, &pdu) == WM_OK);
    newest_mid[peer] = pdu.mid;
    check_body(&pdu);
}

static void take_from_line(void) {
    uint8_t byte;
    const uint8_t *content;
    size_t len;
    while (fake_uart_take(&byte, 1) == 1) {
        if (slipmux_receive(&from_node, byte, &content, &len) == SLIPMUX_MESSAGE) {
            check_sent(SERIAL, content, len);
        }
    }
}

static void take_sent(void) {
    static uint8_t bytes[2048];
    size_t len;
    fake_settle();
    for (uint8_t peer = 1; peer < PEERS; peer++) {
        while ((len = fake_udp_take(peer, bytes, sizeof bytes)) > 0) {
            check_sent(peer, bytes, len);
        }
    }
    while (fake_uart_sent() > 0) {
        take_from_line();
        fake_settle();
    }
}

/* ---- requests --------------------------------------------------------------------------- */

static const char *const paths[] = {"node",
                                    "sensors",
                                    "sensors/river",
                                    "sensors/chip",
                                    "modules",
                                    "modules/0",
                                    "modules/1",
                                    "modules/0/control",
                                    "modules/1/control",
                                    "modules/0/config",
                                    "modules/1/config",
                                    "out/0",
                                    "out/0/out",
                                    "log",
                                    "time",
                                    ".well-known/core"};

static void send(const struct ask *ask) {
    static uint8_t message[2048];
    client_send(ask->peer, message, client_build(ask, message, sizeof message));
    take_sent();
}

static void upload(uint8_t peer, const char *path, const struct bundle *bundle, uint8_t blocks) {
    size_t offset = 0;
    for (uint8_t num = 0; offset < bundle->len && num < blocks; num++) {
        size_t left = bundle->len - offset, len = left < 256 ? left : 256;
        struct coap_block block = {.num = num, .more = left > len, .szx = 4};
        send(&(struct ask){.peer = peer,
                           .method = COAP_PUT,
                           .path = path,
                           .format = 1 + COAP_FORMAT_BUNDLE,
                           .block1 = &block,
                           .payload = bundle->bytes + offset,
                           .len = len});
        offset += len;
    }
}

static void control(uint8_t peer, const char *path, uint8_t operation) {
    const uint8_t payload[] = {0xa1, 0x00, operation};
    send(&(struct ask){.peer = peer,
                       .method = COAP_POST,
                       .path = path,
                       .format = 1 + COAP_FORMAT_CBOR,
                       .payload = payload,
                       .len = sizeof payload});
}

/* One sample of one channel, later than the one before. */
static void feed(uint8_t peer, float value) {
    static int64_t time_ms;
    uint8_t payload[32];
    struct cbor_out out;
    cbor_out_init(&out, payload, sizeof payload);
    cbor_put_array(&out, 1);
    cbor_put_array(&out, 2);
    cbor_put_int(&out, ++time_ms);
    cbor_put_array(&out, 1);
    cbor_put_float(&out, value);
    send(&(struct ask){.peer = peer,
                       .method = COAP_PUT,
                       .path = "sensors/river",
                       .format = 1 + COAP_FORMAT_CBOR,
                       .payload = payload,
                       .len = out.len});
}

static void send_any(struct fuzz_input *input, uint8_t peer) {
    static const char *const queries[] = {NULL, "since=none", "since=1", "since=99999999999"};
    uint8_t what = fuzz_u8(input), how = fuzz_u8(input);
    struct coap_block block2 = {.num = how >> 4 & 1, .szx = how >> 5};
    size_t len;
    const uint8_t *payload = fuzz_bytes(input, fuzz_u8(input), &len);
    send(
        &(struct ask){.peer = peer,
                      .method = 1 + (what >> 4 & 3),
                      .path = paths[what & 15],
                      .token = "t",
                      .query = queries[how & 3],
                      .observe = how >> 2 & 3,
                      .format = what & 64 ? 0 : 1 + (what & 128 ? COAP_FORMAT_BUNDLE : COAP_FORMAT_CBOR),
                      .block2 = how & 16 ? &block2 : NULL,
                      .payload = payload,
                      .len = len});
}

static void send_raw(struct fuzz_input *input, uint8_t peer) {
    size_t len;
    const uint8_t *message = fuzz_bytes(input, fuzz_u8(input), &len);
    client_send(peer, message, len);
    take_sent();
}

/* ---- steps ------------------------------------------------------------------------------ */

static void move_time(uint8_t how) {
    static const uint32_t spans_ms[] = {10, 1000, 3000, 61000};
    if (how & 4) {
        fake_jump_us(UINT64_C(1000) * spans_ms[how & 3]);
    } else {
        fake_advance_us(UINT64_C(1000) * spans_ms[how & 1]);
    }
    take_sent();
}

static float number(uint8_t from) {
    static const float values[] = {-1.0f, 1.0f, -0.0f, 3.4e38f};
    return from < 4 ? values[from] : (float)from;
}

static void take_step(struct fuzz_input *input) {
    uint8_t what = fuzz_u8(input), peer = what >> 6, slot = what >> 5 & 1, more;
    switch (what & 7) {
    case 0:
        more = fuzz_u8(input);
        upload(peer, slot ? "modules/1" : "modules/0", &bundles[more % BUNDLES],
               more & 128 ? more >> 5 & 3 : 255);
        break;
    case 1:
        control(peer, slot ? "modules/1/control" : "modules/0/control", fuzz_u8(input));
        break;
    case 2:
        feed(peer, number(fuzz_u8(input)));
        break;
    case 3:
        move_time(fuzz_u8(input));
        break;
    case 4:
        send_raw(input, peer);
        break;
    case 5:
        client_reply_empty(peer, what & 16 ? COAP_RST : COAP_ACK, newest_mid[peer]);
        take_sent();
        break;
    case 6:
        converter_is_dead = what & 16;
        break;
    default:
        send_any(input, peer);
        break;
    }
}

/* ---- life ------------------------------------------------------------------------------- */

static const struct geometry geometry = {
    "four banks", {16384, 16384}, 16384, {32768, 32768, 32768, 32768}};
static size_t whole_arena;

/* The fake board's time stands; for a module it goes on, or its budget would last for ever. */
static uint64_t module_clock(void) {
    static uint64_t looks;
    return hal_now_us() + 100 * ++looks;
}

static void start_once(void) {
    if (stack_limit != NULL) {
        return;
    }
    stack_limit = (const uint8_t *)__builtin_frame_address(0) - 256 * 1024;
    fake_reset();
    nor_reset(&geometry, 1);
    slipmux_init(&from_node);
    node_start();
    runtime_set_clock(module_clock);
    take_sent();
    whole_arena = runtime_arena_free();
}

static void empty_slots(void) {
    converter_is_dead = false;
    fake_jump_us(UINT64_C(61000000)); /* an upload under way is dropped */
    take_sent();
    send(&(struct ask){.method = COAP_DELETE, .path = "modules/0"});
    send(&(struct ask){.method = COAP_DELETE, .path = "modules/1"});
    FUZZ_CHECK(runtime_arena_free() == whole_arena);
    for (int i = 0; i < 8; i++) { /* past every retransmission */
        fake_jump_us(UINT64_C(100000000));
        take_sent();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, data + size};
    start_once();
    for (size_t steps = 0; steps < STEPS_MAX && fuzz_left(&input) > 0; steps++) {
        take_step(&input);
    }
    empty_slots();
    return 0;
}
