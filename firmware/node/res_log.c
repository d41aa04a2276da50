#include "node/log.h"
#include "node/resources.h"

#define HEAD_MAX 5 /* an array's head */

static struct record_batch select_lines(enum since since, uint32_t number, uint8_t *out, size_t cap) {
    if (since == SINCE_NUMBER)
        return record_ring_after(log_ring(), number, out, cap);
    if (since == SINCE_ALL)
        return record_ring_all(log_ring(), out, cap);
    return record_ring_newest(log_ring(), out, cap);
}

void res_log(const struct coap_request *request, struct coap_response *response) {
    uint32_t number = 0;
    uint8_t head[HEAD_MAX];
    struct cbor_out out;
    enum since since = since_of_query(request, response, &number);
    if (since == SINCE_BAD)
        return;
    struct record_batch batch =
        select_lines(since, number, response->body + HEAD_MAX, response->cap - HEAD_MAX);
    cbor_out_init(&out, head, sizeof head);
    cbor_put_array(&out, batch.count);
    respond_behind_head(response, &out, HEAD_MAX, batch.len);
}
