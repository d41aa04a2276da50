/* The resources of the ETSI CoAP plugtests, served by the node's own CoAP stack, for peers to try.
 * Most of them are cells: they hold what was PUT, and notify. A POST to /clock makes time pass. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/loop.h"
#include "core/sha256.h"
#include "hal.h"
#include "net/coap_server.h"

#define GET (1u << COAP_GET)
#define PUT (1u << COAP_PUT)
#define POST (1u << COAP_POST)
#define DELETE (1u << COAP_DELETE)

#define BODY_MAX 2048u
#define LARGE_LINES 80u /* of 16 bytes */
#define FORMAT_XML 41
#define SEPARATE_US 50000u

/* ---- time ------------------------------------------------------------------------------------- */

/* Everything but the board's own code sees this much more time than has passed (--wrap): a test of
 * time-outs needs no patience. */
static uint64_t skipped_us;

uint64_t __real_hal_now_us(void);
uint64_t __wrap_hal_now_us(void);
void __real_hal_idle(uint64_t until_us);
void __wrap_hal_idle(uint64_t until_us);

uint64_t __wrap_hal_now_us(void) {
    return __real_hal_now_us() + skipped_us;
}

void __wrap_hal_idle(uint64_t until_us) {
    __real_hal_idle(until_us > skipped_us ? until_us - skipped_us : 0);
}

/* The payload: milliseconds. */
static void skip_time(const struct coap_request *request, struct coap_response *response) {
    char text[12] = {0};
    memcpy(text, request->payload, request->len < sizeof text ? request->len : sizeof text - 1);
    skipped_us += strtoull(text, NULL, 10) * 1000u;
    response->code = COAP_204_CHANGED;
}

/* ---- bodies ------------------------------------------------------------------------------------ */

/* A body on its way in; the server lets one upload at a time through. */
static uint8_t upload[BODY_MAX];

/* Takes a block. True when the body is complete; *len is its length then. */
static bool take_block(const struct coap_request *request, struct coap_response *response, size_t *len) {
    if (request->offset + request->len > sizeof upload || request->total > sizeof upload) {
        coap_fail(response, COAP_413_TOO_LARGE, "at most %u bytes", BODY_MAX);
        response->max_size = BODY_MAX;
        return false;
    }
    memcpy(upload + request->offset, request->payload, request->len);
    *len = request->offset + request->len;
    response->code = COAP_204_CHANGED;
    return !request->more;
}

static void respond(struct coap_response *response, const void *bytes, size_t len, int format) {
    response->code = COAP_205_CONTENT;
    response->format = format;
    response->len = len;
    memcpy(response->body, bytes, len);
}

static void respond_text(struct coap_response *response, const char *text) {
    respond(response, text, strlen(text), COAP_FORMAT_TEXT);
}

static size_t put_large(uint8_t *out) {
    size_t len = 0;
    for (unsigned line = 0; line < LARGE_LINES; line++) {
        char text[17];
        snprintf(text, sizeof text, "%04u abcdefghij\n", line);
        memcpy(out + len, text, 16);
        len += 16;
    }
    return len;
}

/* ---- cells ------------------------------------------------------------------------------------- */

struct cell {
    const char *path;
    bool exists;
    int format;
    size_t len;
    uint8_t bytes[BODY_MAX];
};

static struct cell cells[] = {
    {.path = "test"},        {.path = "validate"},     {.path = "create1"},
    {.path = "obs"},         {.path = "obs-non"},      {.path = "obs-large"},
    {.path = "obs-max-age"}, {.path = "large-update"}, {.path = "seg1/seg2/seg3"},
};

static struct cell *find_cell(const char *path) {
    size_t i = 0;
    while (strcmp(cells[i].path, path) != 0) /* the table below routes only these here */
        i++;
    return &cells[i];
}

static void set_cell(struct cell *cell, const void *bytes, size_t len, int format) {
    memcpy(cell->bytes, bytes, len);
    cell->len = len;
    cell->format = format == COAP_FORMAT_NONE ? COAP_FORMAT_TEXT : format;
    cell->exists = true;
}

static void get_cell(const struct cell *cell, struct coap_response *response) {
    if (!cell->exists) {
        coap_fail(response, COAP_404_NOT_FOUND, "/%s was deleted", cell->path);
        return;
    }
    respond(response, cell->bytes, cell->len, cell->format);
    response->has_etag = true;
    response->max_age_s = strcmp(cell->path, "obs-max-age") == 0 ? 1 : 0;
}

static void put_cell(struct cell *cell, const struct coap_request *request,
                     struct coap_response *response) {
    size_t len;
    if (!take_block(request, response, &len))
        return;
    response->code = cell->exists ? COAP_204_CHANGED : COAP_201_CREATED;
    set_cell(cell, upload, len, request->format);
    coap_server_changed(cell->path);
}

static void delete_cell(struct cell *cell, struct coap_response *response) {
    cell->exists = false;
    response->code = COAP_202_DELETED;
    coap_server_gone(cell->path);
}

/* As if it made something. */
static void post_cell(struct coap_response *response) {
    response->code = COAP_201_CREATED;
    coap_locate(response, "location1/location2/location3");
}

static void serve_cell(const struct coap_request *request, struct coap_response *response) {
    struct cell *cell = find_cell(request->path);
    if (request->method == COAP_GET)
        get_cell(cell, response);
    else if (request->method == COAP_PUT)
        put_cell(cell, request, response);
    else if (request->method == COAP_DELETE)
        delete_cell(cell, response);
    else
        post_cell(response);
}

static void fill_cells(void) {
    uint8_t large[LARGE_LINES * 16];
    size_t len = put_large(large);
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        set_cell(&cells[i], cells[i].path, strlen(cells[i].path), COAP_FORMAT_TEXT);
    set_cell(find_cell("obs-large"), large, len, COAP_FORMAT_TEXT);
    find_cell("create1")->exists = false;
}

/* ---- the others -------------------------------------------------------------------------------- */

/* Answers when the client has its empty ACK (RFC 7252 section 5.2.2). */
static struct coap_deferral *deferral;
static struct loop_timer answer_timer;

static void answer_late(void *arg) {
    (void)arg;
    struct coap_response response;
    coap_deferred_begin(deferral, &response);
    respond_text(&response, "separate");
    coap_complete(deferral, &response);
}

static void get_separate(const struct coap_request *request, struct coap_response *response) {
    deferral = coap_defer(request, response);
    if (deferral)
        loop_timer_at(&answer_timer, hal_now_us() + SEPARATE_US, answer_late, NULL);
}

static void get_formats(const struct coap_request *request, struct coap_response *response) {
    if (request->accept == FORMAT_XML)
        respond(response, "<text/>", 7, FORMAT_XML);
    else
        respond_text(response, "text");
}

static void post_query(const struct coap_request *request, struct coap_response *response) {
    (void)request;
    response->code = COAP_201_CREATED;
    coap_locate(response, "?first=1&second=2");
}

static void get_query(const struct coap_request *request, struct coap_response *response) {
    respond_text(response, request->query);
}

static void get_large(const struct coap_request *request, struct coap_response *response) {
    (void)request;
    response->code = COAP_205_CONTENT;
    response->format = COAP_FORMAT_TEXT;
    response->len = put_large(response->body);
}

/* Answers a large body with a large body: the same in capitals. */
static void post_large(const struct coap_request *request, struct coap_response *response) {
    size_t len;
    if (!take_block(request, response, &len))
        return;
    for (size_t i = 0; i < len; i++)
        upload[i] = (uint8_t)toupper(upload[i]);
    respond(response, upload, len, COAP_FORMAT_TEXT);
}

static void post_create(const struct coap_request *request, struct coap_response *response) {
    size_t len;
    if (!take_block(request, response, &len))
        return;
    response->code = COAP_201_CREATED;
    coap_locate(response, "large-create/%u", 1u);
}

static void get_path(const struct coap_request *request, struct coap_response *response) {
    (void)request;
    static const char links[] = "</path/sub1>,</path/sub2>,</path/sub3>";
    respond(response, links, sizeof links - 1, COAP_FORMAT_LINK);
}

static void get_name(const struct coap_request *request, struct coap_response *response) {
    respond_text(response, request->path);
}

/* Swallows a body of any size, and tells its size and SHA-256: for uploads larger than any bank. */
static struct {
    struct sha256 hash;
    uint32_t bytes;
    uint8_t digest[SHA256_BYTES];
} sink;

static void put_sink(const struct coap_request *request, struct coap_response *response) {
    if (request->offset == 0) {
        sha256_init(&sink.hash);
        sink.bytes = 0;
    }
    sha256_update(&sink.hash, request->payload, request->len);
    sink.bytes += (uint32_t)request->len;
    if (!request->more)
        sha256_final(&sink.hash, sink.digest);
    response->code = COAP_204_CHANGED;
}

static void serve_sink(const struct coap_request *request, struct coap_response *response) {
    if (request->method == COAP_PUT) {
        put_sink(request, response);
        return;
    }
    int len = snprintf((char *)response->body, response->cap, "%u ", (unsigned)sink.bytes);
    for (size_t i = 0; i < sizeof sink.digest; i++)
        len +=
            snprintf((char *)response->body + len, response->cap - (size_t)len, "%02x", sink.digest[i]);
    response->len = (size_t)len;
    response->code = COAP_205_CONTENT;
    response->format = COAP_FORMAT_TEXT;
}

#define CELL(path_)                                                                                     \
    {                                                                                                   \
        .path = (path_), .attributes = "ct=0", .methods = GET | PUT | POST | DELETE,                    \
        .flags = COAP_OBSERVABLE | COAP_STREAMED, .handle = serve_cell                                  \
    }
#define POSTABLE(path_, flags_, handle_)                                                                \
    { .path = (path_), .attributes = "ct=0", .methods = POST, .flags = (flags_), .handle = (handle_) }
#define READABLE(path_, attributes_, handle_)                                                           \
    { .path = (path_), .attributes = (attributes_), .methods = GET, .handle = (handle_) }

static const struct coap_resource table[] = {
    POSTABLE("clock", 0, skip_time),
    CELL("test"),
    CELL("validate"),
    CELL("create1"),
    CELL("obs"),
    CELL("obs-non"),
    CELL("obs-large"),
    CELL("obs-max-age"),
    CELL("large-update"),
    CELL("seg1/seg2/seg3"),
    READABLE("query", "ct=0", get_query),
    READABLE("large", "ct=0;sz=1280", get_large),
    POSTABLE("large-post", COAP_STREAMED, post_large),
    POSTABLE("large-create", COAP_STREAMED, post_create),
    POSTABLE("location-query", 0, post_query),
    READABLE("separate", "ct=0", get_separate),
    READABLE("multi-format", "ct=\"0 41\"", get_formats),
    READABLE("link1", "rt=\"Type1 Type2\";if=\"If1\"", get_name),
    READABLE("link2", "rt=\"Type2 Type3\";if=\"If2\"", get_name),
    READABLE("link3", "rt=\"Type1 Type3\";if=\"foo\"", get_name),
    READABLE("path", "ct=40", get_path),
    READABLE("path/*", "", get_name),
    {.path = "sink",
     .attributes = "ct=0",
     .methods = GET | PUT,
     .flags = COAP_STREAMED,
     .handle = serve_sink},
};

int main(void) {
    hal_init();
    fill_cells();
    coap_server_start(table, sizeof table / sizeof table[0]);
    slipmux_link_start();
    udp_link_start();
    for (;;)
        loop_run_once();
}
