/* Every limit of the firmware in one place: its unit, and what a step costs in RAM.
 * A board's [limits] (board.toml -> board_config.h) come first and win. */
#ifndef WASMOTE_CONFIG_H
#define WASMOTE_CONFIG_H

#include "board_config.h"

/* ---- CoAP ------------------------------------------------------------------------------- */
#ifndef COAP_PDU_MAX
#define COAP_PDU_MAX 1152 /* bytes of one message, RFC 7252 section 4.6; x3 in RAM (rx, tx, slipmux) */
#endif
#ifndef COAP_BODY_MAX
#define COAP_BODY_MAX                                                                                   \
    4096 /* bytes of one response body before Block2 slices it; x2 (being made, being sent) */
#endif
#ifndef COAP_REQUEST_BODY_MAX
#define COAP_REQUEST_BODY_MAX 1024 /* bytes of an assembled (not streamed) request body; x1 */
#endif
#ifndef COAP_BLOCK_SZX_MAX
#define COAP_BLOCK_SZX_MAX 6 /* largest block offered: 2^(4+SZX) = 1024 bytes (RFC 7959) */
#endif
#ifndef COAP_UPLOAD_TIMEOUT_S
#define COAP_UPLOAD_TIMEOUT_S 60 /* an abandoned Block1 upload is freed after this */
#endif
#ifndef COAP_UPLOAD_UNPROVEN_S
/* One that has not shown that it may be done gives way to another client's after this without progress,
 */
#define COAP_UPLOAD_UNPROVEN_S 5
#endif
#ifndef COAP_UPLOAD_STALLED_S
#define COAP_UPLOAD_STALLED_S 15 /* and one that has, to another that has, after this */
#endif
#ifndef COAP_DEDUP_ENTRIES
#define COAP_DEDUP_ENTRIES 16 /* remembered requests; about 150 bytes each */
#endif
#ifndef COAP_DEDUP_RESPONSE_MAX
#define COAP_DEDUP_RESPONSE_MAX 112 /* bytes of a remembered response */
#endif
#ifndef COAP_PROOFS_MAX
#define COAP_PROOFS_MAX 16 /* addresses, proven or about to be; 40 bytes each, with a network */
#endif
#ifndef COAP_PINGS_MAX
#define COAP_PINGS_MAX 8 /* of them asked at a time; about 110 bytes each, with a network */
#endif
#ifndef COAP_OBSERVERS_MAX
#define COAP_OBSERVERS_MAX 8 /* entries of the observer table; about 210 bytes each */
#endif
#ifndef COAP_OBSERVE_CON_EVERY
#define COAP_OBSERVE_CON_EVERY 32 /* every n-th notification is confirmable, to find dead observers */
#endif
#ifndef COAP_OBSERVE_INTERVAL_MS
#define COAP_OBSERVE_INTERVAL_MS                                                                        \
    20 /* an observer's notifications are at least this far apart; RFC 7641 section 4.5.1 wants a round \
        * trip, so raise it (to 3000) where the network is slow or unknown */
#endif
#ifndef COAP_DEFERRED_BODY_MAX
#define COAP_DEFERRED_BODY_MAX 256 /* bytes of a body that is answered later; x1 */
#endif
#ifndef COAP_PATH_MAX
#define COAP_PATH_MAX 64 /* bytes of a Uri-Path, segments joined by '/' */
#endif
#ifndef COAP_QUERY_MAX
#define COAP_QUERY_MAX 64 /* bytes of a Uri-Query, arguments joined by '&' */
#endif

/* ---- modules ---------------------------------------------------------------------------- */
#ifndef MODULE_SLOTS
#define MODULE_SLOTS 2
#endif
#ifndef MODULE_BANK_BYTES
#define MODULE_BANK_BYTES (20 * 1024) /* largest bundle; in flash */
#endif
#ifndef MODULE_HEAD_MAX
/* Bytes of a bundle up to its module: the manifest, signed or not. They are kept in RAM until they have
 * been judged, in the room that one message takes (COAP_PDU_MAX); whole blocks of the largest size. */
#define MODULE_HEAD_MAX 1024
#endif
#ifndef MODULE_ERASES_MAX
/* On a node with keys: banks that may be erased in a row for uploads of which none was started. */
#define MODULE_ERASES_MAX 8
#endif
#ifndef MODULE_ERASE_EVERY_S
#define MODULE_ERASE_EVERY_S 600 /* then one in so many seconds */
#endif
#ifndef MODULE_ARENA_BYTES
#define MODULE_ARENA_BYTES (64 * 1024) /* wasm3's only memory: linear memories, code pages, stacks */
#endif
#ifndef MODULE_ARENA_MORE_BYTES
#define MODULE_ARENA_MORE_BYTES                                                                         \
    0 /* as much besides, in ordinary RAM; no memory of a module lies in both */
#endif
#ifndef MODULE_STREAMS_MAX
#define MODULE_STREAMS_MAX 2 /* output streams of one module */
#endif
#ifndef MODULE_INPUTS_MAX
#define MODULE_INPUTS_MAX 4 /* sensors one module listens to */
#endif
#ifndef MODULE_CONFIG_MAX
#define MODULE_CONFIG_MAX 512 /* bytes of a module's CBOR parameters */
#endif
#ifndef MODULE_EVENT_BUDGET_US
#define MODULE_EVENT_BUDGET_US 50000 /* default time budget of one event */
#endif
#ifndef MODULE_EVENT_BUDGET_MAX_US
/* The most a manifest may ask for. A swap runs up to four guest functions between two feeds of the
 * watchdog (node/instance.c): this times four stays below WATCHDOG_MS. */
#define MODULE_EVENT_BUDGET_MAX_US 500000
#endif
#ifndef MODULE_PROBATION_EVENTS
#define MODULE_PROBATION_EVENTS 60 /* default events without a trap that confirm a module */
#endif
#ifndef MODULE_STACK_MAX
#define MODULE_STACK_MAX 8192 /* bytes of Wasm operand stack a manifest may ask for */
#endif

/* ---- store ------------------------------------------------------------------------------ */
#ifndef STORE_COUNTERS_MAX
/* Counters that never go back, kept in flash; 20 bytes each: the releases of so many names of modules,
 * and one for the changes of the keys. */
#define STORE_COUNTERS_MAX 17
#endif
#ifndef STORE_KEYS_MAX
#define STORE_KEYS_MAX 4 /* public keys whose modules a node takes; 34 bytes each */
#endif

/* ---- data ------------------------------------------------------------------------------- */
#ifndef STREAM_RING_BYTES
#define STREAM_RING_BYTES 5120 /* encoded records kept per stream */
#endif
#ifndef STREAM_VALUES_MAX
#define STREAM_VALUES_MAX 128 /* values of one record; x4 on the stack while it is encoded */
#endif
#ifndef TRACE_RING_BYTES
#define TRACE_RING_BYTES 5120 /* records of the one trace; 0: the node has no traces */
#endif
#ifndef TRACE_EVENT_MAX
#define TRACE_EVENT_MAX 640 /* bytes of one record of a trace; the parameters alone may be 512 */
#endif
#ifndef SENSORS_MAX
#define SENSORS_MAX 8 /* the board's own and injected ones */
#endif
#ifndef SENSOR_CHANNELS_MAX
#define SENSOR_CHANNELS_MAX 8
#endif
#ifndef SAMPLER_QUEUE
#define SAMPLER_QUEUE 256 /* readings that wait for the loop; a power of two, 16 bytes each */
#endif
#ifndef LOG_RING_BYTES
#define LOG_RING_BYTES 2048
#endif
#ifndef LOG_LINE_MAX
#define LOG_LINE_MAX 120 /* bytes of text of one line; longer ones are cut */
#endif
#ifndef SENSOR_PERIOD_MS
#define SENSOR_PERIOD_MS 1000 /* how often board sensors are read unless a module asks for more */
#endif

#endif
