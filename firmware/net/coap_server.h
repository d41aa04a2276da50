/* CoAP server (RFC 7252): resources as a table, request -> handler -> response. Block-wise
 * transfer (RFC 7959) and Observe (RFC 7641) are done here, so that a handler sees whole bodies,
 * or, where it asks for it, an upload block by block. */
#ifndef WASMOTE_COAP_SERVER_H
#define WASMOTE_COAP_SERVER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/link.h"

enum coap_method { COAP_GET = 1, COAP_POST = 2, COAP_PUT = 3, COAP_DELETE = 4 };

#define COAP_CODE(class_, detail) (uint8_t)(((class_) << 5) | (detail))
enum {
    COAP_201_CREATED = COAP_CODE(2, 1),
    COAP_202_DELETED = COAP_CODE(2, 2),
    COAP_203_VALID = COAP_CODE(2, 3),
    COAP_204_CHANGED = COAP_CODE(2, 4),
    COAP_205_CONTENT = COAP_CODE(2, 5),
    COAP_231_CONTINUE = COAP_CODE(2, 31),
    COAP_400_BAD_REQUEST = COAP_CODE(4, 0),
    COAP_401_UNAUTHORIZED = COAP_CODE(4, 1),
    COAP_402_BAD_OPTION = COAP_CODE(4, 2),
    COAP_403_FORBIDDEN = COAP_CODE(4, 3),
    COAP_404_NOT_FOUND = COAP_CODE(4, 4),
    COAP_405_METHOD_NOT_ALLOWED = COAP_CODE(4, 5),
    COAP_406_NOT_ACCEPTABLE = COAP_CODE(4, 6),
    COAP_408_INCOMPLETE = COAP_CODE(4, 8),
    COAP_409_CONFLICT = COAP_CODE(4, 9),
    COAP_412_PRECONDITION_FAILED = COAP_CODE(4, 12),
    COAP_413_TOO_LARGE = COAP_CODE(4, 13),
    COAP_415_UNSUPPORTED_FORMAT = COAP_CODE(4, 15),
    COAP_422_UNPROCESSABLE = COAP_CODE(4, 22),
    COAP_500_INTERNAL = COAP_CODE(5, 0),
    COAP_501_NOT_IMPLEMENTED = COAP_CODE(5, 1),
    COAP_503_UNAVAILABLE = COAP_CODE(5, 3),
    COAP_505_NO_PROXY = COAP_CODE(5, 5)
};

/* Content formats (IANA CoAP Content-Formats registry; 65000+ is for experimental use). */
enum {
    COAP_FORMAT_NONE = -1,
    COAP_FORMAT_TEXT = 0,
    COAP_FORMAT_COSE_SIGN1 = 18,
    COAP_FORMAT_LINK = 40,
    COAP_FORMAT_OCTETS = 42,
    COAP_FORMAT_CBOR = 60,
    COAP_FORMAT_SENML_CBOR = 112,
    COAP_FORMAT_BUNDLE = 65001,
    COAP_FORMAT_STATE = 65002
};

struct coap_request {
    enum coap_method method;
    const struct coap_peer *peer;
    const char *path;       /* "modules/0/config", NUL-terminated */
    const char *wild[2];    /* the segments that matched '*', NUL-terminated, or NULL */
    const char *query;      /* "since=12&x=y", NUL-terminated; "" without one */
    int format;             /* Content-Format, or COAP_FORMAT_NONE */
    const uint8_t *payload; /* the whole body; with COAP_STREAMED one block of it */
    size_t len;
    uint32_t offset;   /* COAP_STREAMED: where this block starts in the body */
    bool more;         /* COAP_STREAMED: further blocks follow */
    uint32_t total;    /* Size1, or 0 when the client did not say */
    int accept;        /* Accept, or COAP_FORMAT_NONE: for a handler that has several formats to give;
                        * an answer in another one than was asked for is turned into 4.06 */
    uint32_t wanted;   /* GET: where in the body the block begins that is asked for, */
    size_t wanted_len; /* and its size: for a handler that makes no more than that, see `total` */
    struct coap_turn *turn; /* the server's own, for coap_defer() */
};

#define COAP_LOCATION_MAX 47 /* characters of a response's location */

struct coap_response {
    uint8_t code;
    int format;
    uint8_t *body; /* COAP_BODY_MAX bytes to write into */
    size_t cap;
    size_t len;
    uint32_t total; /* not 0: the body has so many bytes, and only what was `wanted` of it was written;
                     * needs etag, by which a client notices that it has changed between two blocks */
    uint32_t max_age_s; /* 0 = leave the option out (= 60, RFC 7252 section 5.10.5) */
    uint32_t max_size;  /* with 4.13: the largest body that fits, sent as Size1; 0 = leave it out */
    /* Give the answer an ETag (section 5.10.6): the client may then ask whether it has changed. etag is
     * a version number of the handler's, or 0 for a hash of the body. */
    bool has_etag;
    uint32_t etag;
    char
        location[COAP_LOCATION_MAX + 1]; /* "jobs/7?x=1" is what a PUT or POST made: see coap_locate() */
};

/* What stands at a path now. */
struct coap_validator {
    bool exists;
    bool has_etag;
    uint32_t etag; /* the one that a GET would give, and not 0 */
};

enum {
    COAP_OBSERVABLE = 1,
    COAP_STREAMED = 2 /* PUT and POST bodies arrive block by block; a 2.xx to a block that is not
                       * the last one is sent as 2.31. While a block is answered later, its client may
                       * send it again, and in another size, or begin anew: the handler then has
                       * coap_defer_instead() */
};

/* Calls `emit(path)` for every path that exists now under a resource with '*'. */
typedef void coap_link_lister(void (*emit)(void *arg, const char *path), void *arg);

struct coap_resource {
    const char *path;       /* without leading '/'; '*' stands for one segment */
    const char *attributes; /* RFC 6690 attributes: "rt=\"wasmote.node\";ct=60"; obs is added here */
    uint8_t methods;        /* bit (1 << method) */
    uint8_t flags;
    void (*handle)(const struct coap_request *request, struct coap_response *response);
    coap_link_lister *list; /* NULL for a fixed path */
    /* COAP_STREAMED: the upload ended in any way but a 2.xx to its last block: it timed out, was
     * started anew, or the handler itself answered an error. May be NULL. */
    void (*abandon)(const char *path);
    /* COAP_STREAMED: whether the first block of an upload shows by itself that its sender may do it: it
     * then goes before those of others that have not. May be NULL. */
    bool (*proves)(const uint8_t *payload, size_t len);
    /* Tells what stands at the path without making its body: for If-Match, If-None-Match and the
     * ETags of a GET (section 5.10.8). Without it the server runs GET and takes the body's hash. */
    void (*validate)(const struct coap_request *request, struct coap_validator *out);
};

/* The table must stay; at most 255 entries. Longest match is not needed: first match wins. */
void coap_server_start(const struct coap_resource *table, size_t count);

/* A representation changed: everyone who observes this path is notified when the link has room,
 * with the then newest representation (RFC 7641 section 4.5: states may be skipped). */
void coap_server_changed(const char *path);

/* The resource is gone (module deleted): observers get 4.04 and are dropped. */
void coap_server_gone(const char *path);

/* Sets code and a diagnostic payload (RFC 7252 section 5.5.2). printf-like; cut to fit. */
void coap_fail(struct coap_response *response, uint8_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void coap_vfail(struct coap_response *response, uint8_t code, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* Tells the client where what it made is: Location-Path and Location-Query (section 5.10.7).
 * printf-like, "jobs/%u?x=1"; cut to COAP_LOCATION_MAX. */
void coap_locate(struct coap_response *response, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The value of `key` in a query ("since" in "since=12"); NULL when absent. Copied to out. */
const char *coap_query(const char *query, const char *key, char *out, size_t cap);

/* For a handler of a streamed upload: what has come of it shows that its sender may do it. */
void coap_upload_prove(void);

/* ---- answering later (section 5.2.2) ---------------------------------------------------- */

/* For a handler whose answer takes longer than a client's patience (about 1 s): it calls
 * coap_defer() and returns without a code; the client gets an empty ACK at once. Some time later,
 * outside of handlers or inside one,
 *
 *     coap_deferred_begin(deferral, &response);
 *     ... fill it in as a handler does ...
 *     coap_complete(deferral, &response);
 *
 * sends the answer as a message of its own, confirmable when the request was, until it is
 * acknowledged. One request at a time can wait. */
struct coap_deferral;

/* NULL: another request waits already (response is then a 5.03: just return), or this is no request
 * but a notification, which cannot wait (5.00). What request points to is gone when the handler
 * returns. */
struct coap_deferral *coap_defer(const struct coap_request *request, struct coap_response *response);

/* The same client asks once more, with a message of its own - it has given the one before up - and the
 * answer goes to this request in place of that one. */
void coap_defer_instead(struct coap_deferral *deferral, const struct coap_request *request);

/* An empty response, with COAP_DEFERRED_BODY_MAX bytes of body that are the deferral's own. */
void coap_deferred_begin(struct coap_deferral *deferral, struct coap_response *response);

/* Must be called once for every deferral, which is not valid afterwards. response is copied. Does
 * nothing when the server was started anew meanwhile. */
void coap_complete(struct coap_deferral *deferral, const struct coap_response *response);

#endif
