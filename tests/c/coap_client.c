#include "coap_client.h"

#include <string.h>

#include "net/link.h"
#include "net/slipmux.h"

static uint16_t next_mid;
static struct slipmux mux;

void client_start(const struct coap_resource *table, size_t count) {
    next_mid = 0x1000;
    slipmux_init(&mux);
    fake_reset();
    coap_server_start(table, count);
    slipmux_link_start();
    udp_link_start();
    fake_settle();
}

/* Options must be written in ascending order: the extra ones come in between. */
struct writer {
    struct coap_builder builder;
    const struct coap_option *extra, *end;
};

static struct coap_builder *before(struct writer *out, uint16_t number) {
    while (out->extra < out->end && out->extra->number > 0 && out->extra->number < number) {
        coap_build_option(&out->builder, out->extra->number, out->extra->value, out->extra->len);
        out->extra++;
    }
    return &out->builder;
}

static void put_segments(struct writer *out, uint16_t number, const char *text, char separator) {
    while (text != NULL && *text != '\0') {
        const char *end = strchr(text, separator);
        size_t len = end != NULL ? (size_t)(end - text) : strlen(text);
        coap_build_option(before(out, number), number, text, len);
        text += len + (end != NULL);
    }
}

static void put_optional(struct writer *out, uint16_t number, uint32_t value_plus_1) {
    if (value_plus_1 > 0) {
        coap_build_uint(before(out, number), number, value_plus_1 - 1);
    }
}

static void put_block(struct writer *out, uint16_t number, const struct coap_block *block) {
    if (block != NULL) {
        coap_build_uint(before(out, number), number,
                        block->num << 4 | (block->more ? 8u : 0u) | block->szx);
    }
}

size_t client_build(const struct ask *ask, uint8_t *out, size_t cap) {
    struct writer to = {.extra = ask->extra,
                        .end = ask->extra + sizeof ask->extra / sizeof ask->extra[0]};
    size_t token_len = ask->token != NULL ? strlen(ask->token) : 0;
    coap_build(&to.builder, out, cap, (enum coap_type)ask->type, ask->method,
               ask->mid ? ask->mid : next_mid++, (const uint8_t *)ask->token, token_len);
    put_optional(&to, COAP_OPT_OBSERVE, ask->observe);
    put_segments(&to, COAP_OPT_URI_PATH, ask->path, '/');
    put_optional(&to, COAP_OPT_CONTENT_FORMAT, ask->format);
    put_segments(&to, COAP_OPT_URI_QUERY, ask->query, '&');
    put_optional(&to, COAP_OPT_ACCEPT, ask->accept);
    put_block(&to, COAP_OPT_BLOCK2, ask->block2);
    put_block(&to, COAP_OPT_BLOCK1, ask->block1);
    put_optional(&to, COAP_OPT_SIZE1, ask->size1);
    coap_build_payload(before(&to, UINT16_MAX), ask->payload, ask->len);
    return to.builder.status == WM_OK ? to.builder.len : 0;
}

size_t client_frame(const uint8_t *message, size_t len, uint8_t *line, size_t cap) {
    uint8_t frame[4096];
    struct slip_encoder encoder;
    slip_encoder_init(&encoder, frame, slipmux_put_message(frame, sizeof frame, message, len));
    return slip_encode(&encoder, line, cap);
}

void client_send(uint8_t peer, const uint8_t *message, size_t len) {
    if (peer == SERIAL) {
        uint8_t line[8192];
        fake_uart_put(line, client_frame(message, len, line, sizeof line));
    } else {
        fake_udp_put(peer, message, len);
    }
    fake_settle();
}

static size_t next_of_line(uint8_t *out) {
    uint8_t byte;
    const uint8_t *content;
    size_t len;
    while (fake_uart_take(&byte, 1) == 1) {
        if (slipmux_receive(&mux, byte, &content, &len) == SLIPMUX_MESSAGE) {
            memcpy(out, content, len);
            fake_settle();
            return len;
        }
    }
    fake_settle();
    return fake_uart_sent() > 0 ? next_of_line(out) : 0;
}

struct answer client_next(uint8_t peer) {
    static uint8_t pool[8][2048];
    static size_t turn;
    uint8_t *bytes = pool[turn++ % 8];
    struct answer answer = {.bytes = bytes};
    answer.len = peer == SERIAL ? next_of_line(bytes) : fake_udp_take(peer, bytes, sizeof pool[0]);
    answer.present = answer.len > 0 && coap_parse(bytes, answer.len, &answer.pdu) == WM_OK;
    return answer;
}

struct answer client_ask(const struct ask *ask) {
    uint8_t message[2048];
    client_send(ask->peer, message, client_build(ask, message, sizeof message));
    return client_next(ask->peer);
}

void client_reply_empty(uint8_t peer, enum coap_type type, uint16_t mid) {
    uint8_t empty[COAP_HEADER_BYTES];
    coap_build_empty(empty, type, mid);
    client_send(peer, empty, sizeof empty);
}

static struct answer ask_with_echo(uint8_t peer, const struct coap_option *echo) {
    return client_ask(&(struct ask){.peer = peer, .method = COAP_GET, .path = "echo", .extra = {*echo}});
}

void client_prove(uint8_t peer) {
    const struct coap_option none = {COAP_OPT_ECHO, (const uint8_t *)"?", 1};
    struct answer answer = ask_with_echo(peer, &none);
    struct coap_option_walk walk;
    struct coap_option option;
    coap_option_walk_init(&walk, &answer.pdu);
    while (coap_option_next(&walk, &option) == WM_OK) {
        if (option.number == COAP_OPT_ECHO) {
            (void)ask_with_echo(peer, &option);
            return;
        }
    }
}

static volatile uint8_t sink;

void read_request(const struct coap_request *request) {
    sink ^= (uint8_t)(strlen(request->path) + strlen(request->query));
    for (size_t i = 0; i < request->len; i++) {
        sink ^= request->payload[i];
    }
    for (size_t i = 0; i < sizeof request->wild / sizeof request->wild[0]; i++) {
        sink ^= request->wild[i] != NULL ? (uint8_t)strlen(request->wild[i]) : 0;
    }
}

int64_t option_of(const struct answer *answer, uint16_t number) {
    struct coap_option_walk walk;
    struct coap_option option;
    coap_option_walk_init(&walk, &answer->pdu);
    while (coap_option_next(&walk, &option) == WM_OK) {
        if (option.number == number) {
            return coap_option_uint(&option);
        }
    }
    return -1;
}

struct coap_block block_of(const struct answer *answer, uint16_t number) {
    int64_t value = option_of(answer, number);
    return (struct coap_block){
        .num = (uint32_t)(value >> 4), .more = (value & 8) != 0, .szx = (uint8_t)(value & 7)};
}
