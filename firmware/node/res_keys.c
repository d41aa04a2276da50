#include "config.h"
#include "node/resources.h"
#include "node/slot.h"
#include "node/trust.h"

static void get_keys(struct coap_response *response) {
    struct cbor_out out;
    cbor_out_init(&out, response->body, response->cap);
    cbor_put_map(&out, 2);
    cbor_put_uint(&out, 0);
    cbor_put_uint(&out, trust_sequence());
    cbor_put_uint(&out, 1);
    cbor_put_array(&out, STORE_KEYS_MAX);
    for (int place = 0; place < STORE_KEYS_MAX; place++) {
        const uint8_t *key = trust_key(place);
        if (key)
            cbor_put_bytes(&out, key, TRUST_KEY_BYTES);
        else
            cbor_put_null(&out);
    }
    respond_cbor(response, &out);
}

void res_keys(const struct coap_request *request, struct coap_response *response) {
    char why[128];
    if (request->method == COAP_GET) {
        get_keys(response);
        return;
    }
    bool is_signed = request->format == COAP_FORMAT_COSE_SIGN1;
    if (!is_signed && !require_format(request, response, COAP_FORMAT_CBOR,
                                      "a change of the keys, signed in content format 18 or bare"))
        return;
    wm_status status = trust_change(request->payload, request->len, is_signed, why, sizeof why);
    if (status) {
        refuse_order(response, status, why);
        return;
    }
    slots_judge_again();
    response->code = COAP_204_CHANGED;
}
