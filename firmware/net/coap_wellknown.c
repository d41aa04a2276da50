#include "net/coap_wellknown.h"

#include <string.h>

#include "config.h"

struct filter {
    char key[16]; /* "" = everything matches */
    char value[COAP_QUERY_MAX + 1];
    size_t len;
    bool prefix; /* the value ended in '*' */
};

struct listing {
    struct coap_response *response;
    const struct coap_resource *resource;
    struct filter filter;
    bool full;
};

/* ---- filter (RFC 6690 section 4.1) ------------------------------------------------------ */

static void filter_parse(struct filter *filter, const char *query) {
    memset(filter, 0, sizeof *filter);
    const char *equals = strchr(query, '=');
    size_t key_len = equals != NULL ? (size_t)(equals - query) : 0;
    if (key_len == 0 || key_len >= sizeof filter->key) {
        return; /* not a filter: section 4.1 has the server answer with everything */
    }
    memcpy(filter->key, query, key_len);
    filter->len = strcspn(equals + 1, "&");
    memcpy(filter->value, equals + 1, filter->len);
    if (filter->len > 0 && filter->value[filter->len - 1] == '*') {
        filter->len--;
        filter->prefix = true;
    }
}

static bool value_matches(const struct filter *filter, const char *value, size_t len) {
    if (filter->prefix ? len < filter->len : len != filter->len) {
        return false;
    }
    return memcmp(value, filter->value, filter->len) == 0;
}

/* Several values, separated by spaces. */
static bool any_value_matches(const struct filter *filter, const char *values, size_t len) {
    size_t at = 0;
    while (at <= len) {
        size_t end = at;
        while (end < len && values[end] != ' ') {
            end++;
        }
        if (value_matches(filter, values + at, end - at)) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

/* The attributes whose value is a list (section 4.1). */
static bool is_list(const struct filter *filter) {
    static const char *const lists[] = {"rt", "if", "rel"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (strcmp(filter->key, lists[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Where this attribute ends: at a ';' that is not inside quotes. */
static size_t attribute_len(const char *at) {
    bool quoted = false;
    size_t len = 0;
    while (at[len] != '\0' && (quoted || at[len] != ';')) {
        quoted ^= at[len] == '"';
        len++;
    }
    return len;
}

/* Looks for key=value or key="value" among attributes separated by ';'. */
static bool attribute_matches(const struct filter *filter, const char *attributes) {
    size_t key_len = strlen(filter->key);
    const char *at = attributes;
    while (*at != '\0') {
        size_t len = attribute_len(at);
        if (len > key_len && memcmp(at, filter->key, key_len) == 0 && at[key_len] == '=') {
            const char *value = at + key_len + 1;
            size_t value_len = len - key_len - 1;
            if (value_len >= 2 && value[0] == '"') {
                value++;
                value_len -= 2;
            }
            return is_list(filter) ? any_value_matches(filter, value, value_len)
                                   : value_matches(filter, value, value_len);
        }
        at += len;
        at += *at == ';';
    }
    return false;
}

static bool href_matches(const struct filter *filter, const char *path) {
    if (filter->value[0] != '/') {
        return false;
    }
    size_t wanted = filter->len - (filter->len > 0);
    size_t len = strlen(path);
    if (filter->prefix ? len < wanted : len != wanted) {
        return false;
    }
    return memcmp(path, filter->value + 1, wanted) == 0;
}

static bool matches(const struct listing *listing, const char *path) {
    const struct filter *filter = &listing->filter;
    if (filter->key[0] == '\0') {
        return true;
    }
    if (strcmp(filter->key, "href") == 0) {
        return href_matches(filter, path);
    }
    return attribute_matches(filter, listing->resource->attributes);
}

/* ---- links ------------------------------------------------------------------------------ */

static char *append(char *at, const char *text) {
    size_t len = strlen(text);
    memcpy(at, text, len);
    return at + len;
}

static void emit(void *arg, const char *path) {
    struct listing *listing = (struct listing *)arg;
    struct coap_response *response = listing->response;
    const char *attributes = listing->resource->attributes;
    const char *obs = listing->resource->flags & COAP_OBSERVABLE ? ";obs" : "";
    if (listing->full || !matches(listing, path)) {
        return;
    }
    size_t need = (response->len > 0) + strlen("</>;") + strlen(path) + strlen(attributes) + strlen(obs);
    if (need > response->cap - response->len) {
        listing->full = true;
        return;
    }
    char *at = (char *)response->body + response->len;
    at = append(at, response->len > 0 ? ",</" : "</");
    at = append(at, path);
    at = append(at, attributes[0] != '\0' ? ">;" : ">");
    at = append(at, attributes);
    at = append(at, obs);
    response->len = (size_t)(at - (char *)response->body);
}

void coap_wellknown(const struct coap_resource *table, size_t count, const char *query,
                    struct coap_response *response) {
    struct listing listing = {.response = response};
    filter_parse(&listing.filter, query);
    response->code = COAP_205_CONTENT;
    response->format = COAP_FORMAT_LINK;
    response->has_etag = true;
    for (size_t i = 0; i < count; i++) {
        listing.resource = &table[i];
        if (table[i].list != NULL) {
            table[i].list(emit, &listing);
        } else if (strchr(table[i].path, '*') == NULL) {
            emit(&listing, table[i].path);
        }
    }
}
