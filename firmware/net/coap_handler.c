/* What resource handlers use of coap_server.h. */
#include "net/coap_server.h"

#include <stdio.h>
#include <string.h>

void coap_vfail(struct coap_response *response, uint8_t code, const char *format, va_list arguments) {
    int len = vsnprintf((char *)response->body, response->cap, format, arguments);
    response->code = code;
    response->format = COAP_FORMAT_NONE;
    response->len = len < 0 ? 0 : (size_t)len < response->cap ? (size_t)len : response->cap - 1;
}

void coap_fail(struct coap_response *response, uint8_t code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    coap_vfail(response, code, format, arguments);
    va_end(arguments);
}

void coap_locate(struct coap_response *response, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(response->location, sizeof response->location, format, arguments);
    va_end(arguments);
}

const char *coap_query(const char *query, const char *key, char *out, size_t cap) {
    size_t key_len = strlen(key);
    while (*query != '\0') {
        size_t len = strcspn(query, "&");
        if (len > key_len && query[key_len] == '=' && memcmp(query, key, key_len) == 0) {
            size_t value_len = len - key_len - 1;
            if (value_len >= cap) {
                return NULL;
            }
            memcpy(out, query + key_len + 1, value_len);
            out[value_len] = '\0';
            return out;
        }
        query += len;
        query += *query == '&';
    }
    return NULL;
}
