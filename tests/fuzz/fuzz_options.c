/* The options of a request taken apart, the path routed, the query used as a filter, and a response
 * built from what was found and read back. */
#include "fuzz.h"

#include <string.h>

#include "net/coap_options.h"
#include "net/coap_route.h"
#include "net/coap_server.h"
#include "net/coap_wellknown.h"

#define MESSAGE_MAX 4096

static void handle(const struct coap_request *request, struct coap_response *response) {
    (void)request;
    (void)response;
}

static void list(void (*emit)(void *arg, const char *path), void *arg) {
    emit(arg, "out/0/features");
    emit(arg, "out/1/a_name_of_thirty_one_characters");
}

static const struct coap_resource table[] = {
    {.path = "node", .attributes = "rt=\"wasmote.node\";ct=60", .handle = handle},
    {.path = "out/*/*", .attributes = "rt=\"a b\";if=c;sz=12", .handle = handle, .list = list},
    {.path = "modules/*/config", .attributes = "", .handle = handle},
    {.path = "*", .attributes = ";;rt=;=", .handle = handle},
};

#define TABLE_LEN (sizeof table / sizeof table[0])

static void check_text(const char *text, size_t cap) {
    FUZZ_CHECK(memchr(text, '\0', cap) != NULL);
}

static void check_block(const struct coap_block *block) {
    FUZZ_CHECK(block->num < 1u << 20 && block->szx < COAP_BLOCK_SZX_RESERVED);
}

static void check_options(const struct coap_options *options) {
    check_text(options->path, sizeof options->path);
    check_text(options->query, sizeof options->query);
    check_block(&options->block1);
    check_block(&options->block2);
    FUZZ_CHECK(options->format >= -1 && options->format <= UINT16_MAX);
    FUZZ_CHECK(options->accept >= -1 && options->accept <= UINT16_MAX);
    FUZZ_CHECK(options->observe >= -1 && options->observe < 1 << 24);
    FUZZ_CHECK(options->fault == 0 || COAP_CODE_CLASS(options->fault) >= 4);
    FUZZ_CHECK((options->fault == 0) == (options->why == NULL));
}

static void route(const struct coap_options *options) {
    struct coap_route found;
    for (size_t i = 0; i < TABLE_LEN; i++) {
        if (coap_route_match(&found, &table[i], options->path)) {
            for (size_t wild = 0; wild < COAP_WILD_MAX; wild++) {
                FUZZ_CHECK(found.wild[wild] == NULL || strlen(found.wild[wild]) <= COAP_PATH_MAX);
            }
        }
    }
}

static void filter(const struct coap_options *options, size_t cap) {
    static uint8_t body[256];
    char value[8];
    struct coap_response response = {.body = body, .cap = cap};
    coap_wellknown(table, TABLE_LEN, options->query, &response);
    FUZZ_CHECK(response.len <= response.cap);
    const char *since = coap_query(options->query, "since", value, sizeof value);
    FUZZ_CHECK(since == NULL || strlen(since) < sizeof value);
}

static void respond(const struct coap_pdu *pdu, const struct coap_options *options, uint8_t code) {
    uint8_t message[COAP_PDU_MAX];
    struct coap_builder builder;
    struct coap_pdu read;
    struct coap_reply reply = COAP_REPLY_INIT;
    reply.code = code;
    reply.format = options->format;
    reply.observe = options->observe;
    reply.has_block1 = options->has_block1;
    reply.has_block2 = options->has_block2;
    reply.block1 = options->block1;
    reply.block2 = options->block2;
    reply.size1 = options->size1;
    reply.payload = pdu->payload;
    reply.len = pdu->payload_len;
    coap_build(&builder, message, sizeof message, COAP_ACK, 0, pdu->mid, pdu->token, pdu->token_len);
    coap_reply_build(&reply, &builder);
    if (builder.status != WM_OK) {
        FUZZ_CHECK(builder.status == WM_ENOMEM);
        return;
    }
    FUZZ_CHECK(coap_parse(message, builder.len, &read) == WM_OK && read.code == code);
    FUZZ_CHECK(read.payload_len == pdu->payload_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t message[COAP_HEADER_BYTES + MESSAGE_MAX] = {0x40, COAP_GET, 0x12, 0x34};
    struct fuzz_input input = {data, data + size};
    size_t cap = fuzz_u8(&input), len;
    const uint8_t *rest = fuzz_bytes(&input, MESSAGE_MAX, &len);
    struct coap_pdu pdu;
    struct coap_options options;
    memcpy(message + COAP_HEADER_BYTES, rest, len);
    if (coap_parse(message, COAP_HEADER_BYTES + len, &pdu) != WM_OK) {
        return 0;
    }
    coap_options_parse(&pdu, &options);
    check_options(&options);
    route(&options);
    filter(&options, cap);
    respond(&pdu, &options, options.fault != 0 ? options.fault : COAP_205_CONTENT);
    return 0;
}
