#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "utf8.h"

void client_begin_turn(struct client *c) {
    if (c->saved_size > 0) memcpy(c->session->in, c->saved, c->saved_size);
    c->in_begin = 0;
    c->in_end = c->saved_size;
    c->has_read = false;
}

bool client_end_turn(struct client *c) {
    // Mostly nothing, or a part of a header.
    size_t left = c->in_end - c->in_begin;
    if (left > c->saved_capacity) {
        free(c->saved);
        c->saved = malloc(left);
        c->saved_capacity = c->saved ? left : 0;
        if (!c->saved) return bench_fail(c->session->result, "no memory");
    }
    if (left > 0) memcpy(c->saved, c->session->in + c->in_begin, left);
    c->saved_size = left;
    return true;
}

static enum step fill(struct client *c) {
    // One read in a turn: what it did not take, epoll tells of again.
    if (!c->blocks && c->has_read && !wire_stream_holds_bytes(&c->stream)) return STEP_AWAITS_READ;
    // Left over is at most an incomplete header.
    uint8_t *in = c->session->in;
    size_t left = c->in_end - c->in_begin;
    if (left > 0) memmove(in, in + c->in_begin, left);
    c->in_begin = 0;
    c->in_end = left;
    ssize_t got = wire_stream_recv(&c->stream, in + left, CLIENT_BUFFER - left);
    c->has_read = true;
    if (got > 0) {
        c->in_end += (size_t)got;
        return STEP_DONE;
    }
    if (got == WIRE_AGAIN) return STEP_AWAITS_READ;
    if (got == 0) errno = 0;
    return client_fail(c, got == 0 ? "the connection ended early" : "cannot receive");
}

static bool reserve(struct client *c, uint64_t size) {
    if (size <= c->message_capacity) return true;
    uint8_t *larger = size <= CLIENT_LARGEST ? realloc(c->message, size) : NULL;
    if (!larger) return false;
    c->message = larger;
    c->message_capacity = size;
    return true;
}

// A control frame between a message's frames is put behind what there is of the message.
static enum step begin_frame(struct client *c) {
    while (!wire_parse_header(c->session->in + c->in_begin, c->in_end - c->in_begin, &c->header)) {
        enum step step = fill(c);
        if (step != STEP_DONE) return step;
    }
    c->in_begin += c->header.size;
    uint8_t first = c->header.first;
    if (!wire_is_control(first) && (first & WIRE_OPCODE) != WIRE_CONTINUATION) {
        c->first = first;
        c->message_size = 0;
    }
    errno = 0;
    if (c->header.length > CLIENT_LARGEST || !reserve(c, c->message_size + c->header.length)) {
        return client_fail(c, "a message is too large");
    }
    c->frame_filled = 0;
    c->in_frame = true;
    return STEP_DONE;
}

static enum step take_payload(struct client *c) {
    uint8_t *to = c->message + c->message_size;
    for (;;) {
        size_t now = c->in_end - c->in_begin;
        if (now > c->header.length - c->frame_filled) now = c->header.length - c->frame_filled;
        memcpy(to + c->frame_filled, c->session->in + c->in_begin, now);
        c->in_begin += now;
        c->frame_filled += now;
        if (c->frame_filled == c->header.length) break;
        enum step step = fill(c);
        if (step != STEP_DONE) return step;
    }
    c->in_frame = false;
    return STEP_DONE;
}

static enum step finish_message(struct client *c, struct message *message) {
    *message = (struct message){c->first & WIRE_OPCODE, c->message, c->message_size};
    errno = 0;
    if (c->first & WIRE_RSV1) {
        if (!c->inflater) return client_fail(c, "a compressed message that was not agreed upon");
        message->payload = wire_inflate(c->inflater, c->message, c->message_size, CLIENT_LARGEST, &message->size);
        if (!message->payload) return client_fail(c, "a compressed message that cannot be decompressed");
    }
    if (message->opcode == WIRE_TEXT && !wire_is_utf8(message->payload, message->size)) {
        return client_fail(c, "a text that is not UTF-8");
    }
    return STEP_DONE;
}

// True when the frame is the peer's Close.
static bool take_control(struct client *c) {
    uint8_t opcode = c->header.first & WIRE_OPCODE;
    const uint8_t *payload = c->message + c->message_size;
    if (opcode == WIRE_CLOSE) {
        c->peer_has_closed = true;
        c->close_code_size = c->frame_filled < 2 ? 0 : 2;
        memcpy(c->close_code, payload, c->close_code_size);
    } else if (opcode == WIRE_PING && c->frame_filled <= WIRE_MAX_CONTROL && c->out_begin == c->out_end) {
        // Nothing is being sent while messages are awaited, so that there is room; what the socket does not take now
        // goes out with the next message.
        if (client_put(c, WIRE_PONG, payload, c->frame_filled) == STEP_DONE) client_flush(c);
    }
    return opcode == WIRE_CLOSE;
}

enum step client_next(struct client *c, struct message *message) {
    for (;;) {
        enum step step = c->in_frame ? STEP_DONE : begin_frame(c);
        if (step == STEP_DONE) step = take_payload(c);
        if (step != STEP_DONE) return step;
        if (wire_is_control(c->header.first)) {
            if (!take_control(c)) continue;
            *message = (struct message){.opcode = WIRE_CLOSE};
            return STEP_DONE;
        }
        c->message_size += c->frame_filled;
        if (c->header.first & WIRE_FIN) return finish_message(c, message);
    }
}
