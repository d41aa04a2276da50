#include "node/clock.h"
#include "node/resources.h"

static void get(struct coap_response *response) {
    struct cbor_out out;
    cbor_out_init(&out, response->body, response->cap);
    cbor_put_int(&out, clock_now_ms());
    respond_cbor(response, &out);
}

static void put(const struct coap_request *request, struct coap_response *response) {
    struct cbor_in in;
    cbor_in_whole(&in, request->payload, request->len);
    int64_t now_ms = cbor_get_int(&in);
    if (in.error || !cbor_at_end(&in) || clock_set_ms(now_ms)) {
        coap_fail(response, COAP_400_BAD_REQUEST,
                  "expected one integer: ms since 1970-01-01T00:00:00Z, years 1 to 9899");
        return;
    }
    response->code = COAP_204_CHANGED;
}

void res_time(const struct coap_request *request, struct coap_response *response) {
    if (request->method == COAP_GET)
        get(response);
    else if (require_format(request, response, COAP_FORMAT_CBOR, "a time"))
        put(request, response);
}
