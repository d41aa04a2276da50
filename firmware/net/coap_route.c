#include "net/coap_route.h"

#include <string.h>

/* Segment by segment; '*' stands for one that is not empty. */
static bool matches(struct coap_route *route, const char *pattern, const char *path) {
    size_t wilds = 0, at = 0;
    while (true) {
        size_t pattern_len = strcspn(pattern, "/"), len = strcspn(path + at, "/");
        if (pattern_len == 1 && pattern[0] == '*') {
            if (len == 0 || wilds == COAP_WILD_MAX) {
                return false;
            }
            route->wild[wilds++] = route->segments + at;
            route->segments[at + len] = '\0';
        } else if (pattern_len != len || memcmp(pattern, path + at, len) != 0) {
            return false;
        }
        pattern += pattern_len;
        at += len;
        if (*pattern == '\0' || path[at] == '\0') {
            return *pattern == path[at];
        }
        pattern++;
        at++;
    }
}

bool coap_route_match(struct coap_route *route, const struct coap_resource *resource, const char *path) {
    *route = (struct coap_route){.resource = resource};
    memcpy(route->segments, path, strlen(path) + 1);
    return matches(route, resource->path, path);
}
