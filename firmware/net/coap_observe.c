#include "net/coap_observe.h"

#include <string.h>

#include "net/coap_lifetime.h"
#include "net/coap_proof.h"

/* RFC 7641 section 4.5: at least one confirmable notification in 24 hours. */
#define CON_INTERVAL_US (UINT64_C(24) * 3600 * 1000000)
#define INTERVAL_US (COAP_OBSERVE_INTERVAL_MS * UINT64_C(1000))
#define SEQUENCE_MASK 0xffffffu /* 24 bits (section 3.4) */
#define MIDS_KEPT 4             /* an RST may be that many notifications late */

/* Who has acknowledged within this time is there, and not probed for somebody who finds no place. */
#define PROBE_AGAIN_US UINT64_C(30000000)

enum observer_state {
    OBSERVER_FREE = 0,
    OBSERVER_IDLE, /* the client has the newest representation, or it is on its way */
    OBSERVER_DUE,  /* the representation changed */
    OBSERVER_GONE  /* the resource is gone: one last notification is due */
};

struct observer {
    enum observer_state state;
    bool leaving; /* the last notification was sent: free once it is acknowledged */
    bool proven;  /* its peer was, while it observed: nobody is notified of what he has not asked for */
    bool probed;  /* somebody waits for its place: is anyone there? */
    bool confirmed;    /* it has acknowledged the last confirmable notification */
    uint8_t since_con; /* notifications to its peer, of all its observations, since the last CON */
    uint8_t oldest_mid;
    uint16_t mids[MIDS_KEPT]; /* of the last notifications, in a ring */
    uint32_t forget_mids_at_s[MIDS_KEPT];
    uint64_t last_con_us;
    uint64_t not_before_us; /* the next notification: the rate's bound (section 4.5.1) */
    struct coap_observation what;
    struct coap_exchange exchange; /* its confirmable notification */
};

_Static_assert(COAP_OBSERVE_CON_EVERY <= UINT8_MAX, "observer.since_con is one byte");

static struct observer table[COAP_OBSERVERS_MAX];
static coap_notification *build_notification;
static uint32_t sequence; /* one for the node: increasing for every observer (section 4.4) */
static size_t next_turn;  /* where the next round begins, so that nobody is served last forever */
static struct loop_timer flush_timer; /* for what becomes due by itself */

static void free_observer(struct observer *observer) {
    coap_exchange_cancel(&observer->exchange);
    observer->state = OBSERVER_FREE;
}

/* ---- sending ---------------------------------------------------------------------------- */

static uint64_t daily_us(const struct observer *observer) {
    return observer->last_con_us + CON_INTERVAL_US;
}

static bool confirmable_is_due(const struct observer *observer) {
    return observer->state == OBSERVER_GONE || observer->probed ||
           observer->since_con + 1 >= COAP_OBSERVE_CON_EVERY || hal_now_us() >= daily_us(observer);
}

static bool has_mid(const struct observer *observer, uint16_t mid) {
    for (size_t i = 0; i < MIDS_KEPT; i++) {
        if (observer->mids[i] == mid && coap_now_s() < observer->forget_mids_at_s[i]) {
            return true;
        }
    }
    return false;
}

static void remember_mid(struct observer *observer, uint16_t mid) {
    observer->mids[observer->oldest_mid] = mid;
    observer->forget_mids_at_s[observer->oldest_mid] = coap_forget_at_s(COAP_NON);
    observer->oldest_mid = (observer->oldest_mid + 1) % MIDS_KEPT;
}

/* Builds the newest representation into the transmit buffer and sends it. WM_EAGAIN: no room. */
static wm_status transmit(struct observer *observer, enum coap_type type, uint16_t mid) {
    uint8_t *buffer = coap_msg_begin(&observer->what.peer);
    if (buffer == NULL) {
        return WM_EAGAIN;
    }
    bool gone = observer->state == OBSERVER_GONE || observer->leaving;
    struct coap_builder builder;
    coap_build(&builder, buffer, COAP_PDU_MAX, type, COAP_CODE_EMPTY, mid, observer->what.token,
               observer->what.token_len);
    /* Before building: a change that a handler reports meanwhile makes it due again. */
    observer->state = OBSERVER_IDLE;
    sequence = (sequence + 1) & SEQUENCE_MASK;
    bool stays = build_notification(&observer->what, sequence, gone, &builder);
    observer->leaving = !stays;
    if (builder.status != WM_OK) {
        return builder.status;
    }
    coap_proof_allow(&observer->what.peer, builder.len);
    return coap_msg_send(&observer->what.peer, builder.len);
}

static bool is_of(const struct observer *observer, const struct coap_peer *peer) {
    return observer->state != OBSERVER_FREE && coap_peer_equal(&observer->what.peer, peer);
}

/* What is sent before somebody must answer is counted for each peer: one that is gone gets no more for
 * having observed much. */
static void count_for_peer(const struct coap_peer *peer, uint8_t since_con) {
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        if (is_of(&table[i], peer)) {
            table[i].since_con = since_con;
        }
    }
}

static void await_ack(struct observer *observer, uint16_t mid) {
    observer->exchange.mid = mid;
    observer->exchange.peer = &observer->what.peer;
    count_for_peer(&observer->what.peer, 0);
    observer->probed = observer->confirmed = false;
    observer->last_con_us = hal_now_us();
    coap_exchange_start(&observer->exchange);
}

/* False: the link has no room, the notification stays due. A link that lost it (WM_EIO) is like
 * a network that lost it, and so is, for a probe, a line that nobody reads: it may never have room. */
static bool notify(struct observer *observer) {
    enum observer_state due = observer->state;
    bool confirmable = confirmable_is_due(observer);
    uint16_t mid = coap_msg_next_id();
    if (transmit(observer, confirmable ? COAP_CON : COAP_NON, mid) == WM_EAGAIN) {
        observer->state = due;
        if (!observer->probed) {
            return false;
        }
    }
    remember_mid(observer, mid);
    observer->not_before_us = hal_now_us() + INTERVAL_US;
    if (confirmable) {
        await_ack(observer, mid);
        return true;
    }
    if (observer->since_con < UINT8_MAX) {
        count_for_peer(&observer->what.peer, observer->since_con + 1);
    }
    if (observer->leaving) {
        free_observer(observer);
    }
    return true;
}

/* When this observer needs a look next: now or earlier when it is due, the far future while its peer
 * owes an ACK. Nothing else goes there until then, neither a second confirmable message (NSTART = 1, RFC
 * 7252 section 4.7) nor one that is not: it would go to somebody who may be gone. */
static uint64_t due_us(const struct observer *observer) {
    if (observer->state == OBSERVER_FREE || !observer->proven ||
        coap_exchange_pending(&observer->what.peer)) {
        return UINT64_MAX;
    }
    if (observer->probed) {
        return 0;
    }
    switch (observer->state) {
    case OBSERVER_GONE:
        return 0;
    case OBSERVER_DUE:
        return observer->not_before_us;
    default: /* without a change once a day */
        return daily_us(observer);
    }
}

static bool is_due(const struct observer *observer) {
    return due_us(observer) <= hal_now_us();
}

static void flush(void *arg);

/* Who is due now and could not be served waits for room, not for a time. */
static void wake_for_the_next(void) {
    uint64_t now = hal_now_us(), next = UINT64_MAX;
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        uint64_t at = due_us(&table[i]);
        next = at > now && at < next ? at : next;
    }
    bool is_set = flush_timer.armed && flush_timer.at_us <= next;
    if (next != UINT64_MAX && !is_set) {
        loop_timer_at(&flush_timer, next, flush, NULL);
    }
}

/* The end of an exchange, which makes room, may have been the proof. */
static void see_who_is_proven(void) {
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        table[i].proven |= table[i].state != OBSERVER_FREE && coap_proof_is_given(&table[i].what.peer);
    }
}

/* One notification to each observer that is due, as long as the links have room. An observer
 * whose link is full does not keep those on other links waiting. */
static void flush(void *arg) {
    (void)arg;
    size_t first = next_turn;
    next_turn = (next_turn + 1) % COAP_OBSERVERS_MAX;
    see_who_is_proven();
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        struct observer *observer = &table[(first + i) % COAP_OBSERVERS_MAX];
        if (is_due(observer)) {
            (void)notify(observer);
        }
    }
    wake_for_the_next();
}

/* Not at once: a change is reported from inside handlers, whose buffers are in use. */
static void flush_soon(void) {
    loop_timer_at(&flush_timer, hal_now_us(), flush, NULL);
}

void coap_observe_room(void) {
    flush(NULL);
}

/* ---- confirmable notifications ---------------------------------------------------------- */

static struct observer *owner(struct coap_exchange *exchange) {
    return (struct observer *)((char *)exchange - offsetof(struct observer, exchange));
}

/* Section 4.5.2: a representation that changed meanwhile is a new message, and takes over the
 * count of retransmissions. No room now: as if it was lost, the next timeout tries again. */
static void resend(struct coap_exchange *exchange) {
    struct observer *observer = owner(exchange);
    enum observer_state due = observer->state;
    uint16_t mid = due == OBSERVER_IDLE ? exchange->mid : coap_msg_next_id();
    if (transmit(observer, COAP_CON, mid) == WM_EAGAIN) {
        observer->state = due;
        return;
    }
    if (mid != exchange->mid) {
        remember_mid(observer, mid);
        exchange->mid = mid;
    }
}

/* An RST is about this observation, silence about the peer. What changed meanwhile goes now: the end of
 * an exchange makes room. */
static void concluded(struct coap_exchange *exchange, enum coap_outcome outcome) {
    struct observer *observer = owner(exchange);
    if (outcome == COAP_TIMED_OUT) {
        coap_observe_lost(&observer->what.peer);
    } else if (outcome == COAP_REJECTED || observer->leaving) {
        free_observer(observer);
    } else {
        observer->confirmed = true;
    }
}

/* ---- the table -------------------------------------------------------------------------- */

static struct observer *find(const struct coap_peer *peer, const uint8_t *token, size_t token_len) {
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        struct observer *observer = &table[i];
        if (is_of(observer, peer) && observer->what.token_len == token_len &&
            memcmp(observer->what.token, token, token_len) == 0) {
            return observer;
        }
    }
    return NULL;
}

/* One whose peer was asked in vain to prove itself, or could not be asked, is as good as a free one. */
static bool is_unproven(const struct observer *observer) {
    return !observer->proven && !coap_proof_is_given(&observer->what.peer) &&
           !coap_exchange_pending(&observer->what.peer);
}

static struct observer *find_free(void) {
    struct observer *unproven = NULL;
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        if (table[i].state == OBSERVER_FREE) {
            return &table[i];
        }
        unproven = is_unproven(&table[i]) ? &table[i] : unproven;
    }
    return unproven;
}

/* What its peer was sent since it last had to answer. */
static uint8_t since_con_of(const struct coap_peer *peer) {
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        if (is_of(&table[i], peer)) {
            return table[i].since_con;
        }
    }
    return 0;
}

/* Asks everyone who has not shown it lately whether they are there: the newest representation, once
 * more, in a confirmable notification (section 4.5). Else who observes what never changes stays for a
 * day. */
static void probe(void) {
    uint64_t now = hal_now_us();
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        struct observer *observer = &table[i];
        bool is_there = observer->confirmed && now < observer->last_con_us + PROBE_AGAIN_US;
        observer->probed = !is_there && !observer->exchange.active;
    }
    flush_soon();
}

int32_t coap_observe_add(const struct coap_observation *observation) {
    struct observer *observer = find(&observation->peer, observation->token, observation->token_len);
    if (observer == NULL) {
        observer = find_free();
    }
    if (observer == NULL) {
        probe();
        return WM_ENOMEM;
    }
    coap_exchange_cancel(&observer->exchange);
    bool renews = observer->state != OBSERVER_FREE && is_of(observer, &observation->peer);
    bool is_proven = (renews && observer->proven) || coap_proof_is_given(&observation->peer);
    sequence = (sequence + 1) & SEQUENCE_MASK;
    *observer = (struct observer){.state = OBSERVER_IDLE,
                                  .proven = is_proven,
                                  .since_con = since_con_of(&observation->peer),
                                  .what = *observation,
                                  .last_con_us = hal_now_us()};
    observer->exchange.resend = resend;
    observer->exchange.done = concluded;
    wake_for_the_next();
    return (int32_t)sequence;
}

void coap_observe_remove(const struct coap_peer *peer, const uint8_t *token, size_t token_len) {
    struct observer *observer = find(peer, token, token_len);
    if (observer != NULL) {
        free_observer(observer);
    }
}

void coap_observe_rejected(const struct coap_peer *peer, uint16_t mid) {
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        struct observer *observer = &table[i];
        if (is_of(observer, peer) && has_mid(observer, mid)) {
            free_observer(observer);
        }
    }
}

void coap_observe_lost(const struct coap_peer *peer) {
    const struct coap_peer gone = *peer; /* it may be that of an entry */
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        if (is_of(&table[i], &gone)) {
            free_observer(&table[i]);
        }
    }
}

static void mark(const char *path, enum observer_state state) {
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        struct observer *observer = &table[i];
        if (observer->state != OBSERVER_FREE && observer->state != OBSERVER_GONE && !observer->leaving &&
            strcmp(observer->what.path, path) == 0) {
            observer->state = state;
            flush_soon();
        }
    }
}

void coap_observe_changed(const char *path) {
    mark(path, OBSERVER_DUE);
}

void coap_observe_gone(const char *path) {
    mark(path, OBSERVER_GONE);
}

size_t coap_observe_count(void) {
    size_t count = 0;
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        count += table[i].state != OBSERVER_FREE;
    }
    return count;
}

void coap_observe_start(coap_notification *build) {
    loop_timer_cancel(&flush_timer);
    for (size_t i = 0; i < COAP_OBSERVERS_MAX; i++) {
        free_observer(&table[i]);
    }
    build_notification = build;
    sequence = 0;
    next_turn = 0;
}
