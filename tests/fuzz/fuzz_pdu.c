/* CoAP messages: what parses must come out of the builder as the same bytes, because the form of
 * RFC 7252 section 3 leaves no choice; and a builder without enough room must write nothing beyond. */
#include "fuzz.h"

#include <string.h>

#include "config.h"
#include "net/coap_pdu.h"

#define GUARD 0xA5
#define INPUT_MAX 4096

static uint8_t out[INPUT_MAX + 1];

static struct coap_builder rebuild(const struct coap_pdu *pdu, size_t cap) {
    struct coap_builder builder;
    struct coap_option_walk walk;
    struct coap_option option;
    coap_build(&builder, out, cap, pdu->type, 0, pdu->mid, pdu->token, pdu->token_len);
    coap_build_set_code(&builder, pdu->code);
    coap_option_walk_init(&walk, pdu);
    while (coap_option_next(&walk, &option) == WM_OK) {
        coap_build_option(&builder, option.number, option.value, option.len);
    }
    coap_build_payload(&builder, pdu->payload, pdu->payload_len);
    return builder;
}

static void check_within(const struct coap_pdu *pdu, const uint8_t *message, size_t len) {
    const uint8_t *end = message + len;
    FUZZ_CHECK(pdu->token_len <= COAP_TOKEN_MAX && pdu->token + pdu->token_len <= end);
    FUZZ_CHECK(pdu->options >= message && pdu->options + pdu->options_len <= end);
    FUZZ_CHECK(pdu->payload == NULL || (pdu->payload_len > 0 && pdu->payload + pdu->payload_len == end));
}

/* An option value is the shortest unsigned integer or not; both have to survive. */
static void check_uints(const struct coap_pdu *pdu) {
    struct coap_option_walk walk;
    struct coap_option option;
    uint32_t before = 0;
    coap_option_walk_init(&walk, pdu);
    while (coap_option_next(&walk, &option) == WM_OK) {
        uint8_t bytes[16];
        struct coap_builder builder;
        struct coap_pdu alone;
        struct coap_option_walk second;
        struct coap_option copy;
        uint32_t value = coap_option_uint(&option);
        FUZZ_CHECK(option.number >= before);
        before = option.number;
        coap_build(&builder, bytes, sizeof bytes, COAP_CON, 1, 0, NULL, 0);
        coap_build_uint(&builder, option.number, value);
        FUZZ_CHECK(builder.status == WM_OK && coap_parse(bytes, builder.len, &alone) == WM_OK);
        coap_option_walk_init(&second, &alone);
        FUZZ_CHECK(coap_option_next(&second, &copy) == WM_OK);
        FUZZ_CHECK(copy.number == option.number && coap_option_uint(&copy) == value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct coap_pdu pdu;
    struct fuzz_input input = {data, data + size};
    size_t short_by = fuzz_u8(&input);
    size_t len = fuzz_left(&input);
    if (len > INPUT_MAX || coap_parse(input.at, len, &pdu) != WM_OK) {
        return 0;
    }
    check_within(&pdu, input.at, len);
    struct coap_builder whole = rebuild(&pdu, len);
    FUZZ_CHECK(whole.status == WM_OK && whole.len == len && memcmp(out, input.at, len) == 0);
    size_t cap = short_by < len ? len - 1 - short_by : 0;
    out[cap] = GUARD;
    struct coap_builder cut = rebuild(&pdu, cap);
    FUZZ_CHECK(cut.status == WM_ENOMEM && cut.len <= cap && out[cap] == GUARD);
    check_uints(&pdu);
    return 0;
}
