/* PUT, POST and DELETE: conditions, uploads in blocks (RFC 7959 section 2.5), and the answers to
 * them in blocks (section 3.3). */
#include "net/coap_turn.h"

static bool is_streamed(const struct coap_turn *turn) {
    return (turn->route.resource->flags & COAP_STREAMED) != 0;
}

static void assemble(struct coap_turn *turn, const struct coap_piece *piece) {
    if (turn->options.size1 > COAP_REQUEST_BODY_MAX || coap_upload_append(piece) != WM_OK) {
        coap_fail(&turn->response, COAP_413_TOO_LARGE, "a body for /%s has at most %u bytes",
                  turn->options.path, (unsigned)COAP_REQUEST_BODY_MAX);
        turn->response.max_size = COAP_REQUEST_BODY_MAX;
    } else if (piece->block.more) {
        turn->response.code = COAP_231_CONTINUE;
    } else {
        size_t len;
        const uint8_t *whole = coap_upload_body(&len);
        coap_turn_run(turn, whole, len, NULL);
    }
}

static void hand_on(struct coap_turn *turn, const struct coap_piece *piece) {
    if (!is_streamed(turn)) {
        assemble(turn, piece);
        return;
    }
    coap_turn_run(turn, piece->payload, piece->len, piece);
    if (piece->block.more && COAP_IS_SUCCESS(turn->response.code)) {
        turn->response.code = COAP_231_CONTINUE;
    }
}

/* The conditions of a streamed upload are those of its first block: later ones would be compared
 * with what the upload itself has changed. An assembled one changes nothing before its end. */
static bool may_change(struct coap_turn *turn, const struct coap_piece *piece) {
    bool first = piece->block.num == 0, last = !piece->block.more;
    return !(first || (last && !is_streamed(turn))) || coap_conditions_hold(turn);
}

static void take_piece(struct coap_turn *turn, const struct coap_piece *piece) {
    if (!may_change(turn, piece)) {
        coap_upload_answered(piece, turn->reply.code);
        return;
    }
    coap_turn_clear(turn);
    hand_on(turn, piece);
    if (turn->deferred) {
        coap_upload_hold(piece);
        return;
    }
    coap_upload_answered(piece, turn->response.code);
    coap_turn_finish(turn);
}

static void refuse_piece(struct coap_turn *turn, enum coap_upload_result result) {
    switch (result) {
    case COAP_UPLOAD_REPEATED:
        turn->reply.code = coap_upload_last_code();
        break;
    case COAP_UPLOAD_GAP:
        coap_turn_fail(turn, COAP_408_INCOMPLETE,
                       "not the next block of an upload in progress: begin with block 0");
        break;
    case COAP_UPLOAD_BUSY:
        coap_turn_fail(turn, COAP_503_UNAVAILABLE, "another upload is in progress");
        turn->reply.max_age_s = coap_upload_retry_s();
        break;
    case COAP_UPLOAD_MALFORMED:
    default:
        coap_turn_fail(turn, COAP_400_BAD_REQUEST,
                       "a block is as long as its size says, the last one may be shorter");
        break;
    }
}

/* The last block may be shorter than its size, none may be longer (RFC 7959 section 2.2). */
static bool is_overlong(const struct coap_turn *turn) {
    const struct coap_options *options = &turn->options;
    return options->has_block1 && turn->pdu->payload_len > coap_block_bytes(options->block1.szx);
}

static void serve_upload(struct coap_turn *turn) {
    struct coap_piece piece = {.peer = turn->peer,
                               .path = turn->options.path,
                               .method = turn->pdu->code,
                               .type = turn->pdu->type,
                               .is_streamed = is_streamed(turn),
                               .tag = turn->options.request_tag,
                               .block = turn->options.block1,
                               .payload = turn->pdu->payload,
                               .len = turn->pdu->payload_len,
                               .proves = turn->route.resource->proves};
    enum coap_upload_result result = is_overlong(turn)
                                         ? COAP_UPLOAD_MALFORMED
                                         : coap_upload_offer(&piece, turn->route.resource->abandon);
    if (result == COAP_UPLOAD_NEXT) {
        take_piece(turn, &piece);
    } else {
        refuse_piece(turn, result);
    }
}

/* Later blocks of the answer to a request that must not be executed again (RFC 7959 section 3.3). */
static bool serve_kept_answer(struct coap_turn *turn) {
    if (!turn->options.has_block2 || turn->options.block2.num == 0) {
        return false;
    }
    if (!coap_turn_resume(turn)) {
        coap_turn_fail(turn, COAP_408_INCOMPLETE, "the answer is no longer kept: ask again");
    }
    return true;
}

void coap_serve_change(struct coap_turn *turn) {
    if (serve_kept_answer(turn)) {
        return;
    }
    bool has_body = turn->pdu->code != COAP_DELETE;
    if (has_body && (turn->options.has_block1 || is_streamed(turn))) {
        serve_upload(turn);
    } else if (coap_conditions_hold(turn)) {
        coap_turn_run(turn, turn->pdu->payload, turn->pdu->payload_len, NULL);
        if (!turn->deferred) {
            coap_turn_finish(turn);
        }
    }
}
