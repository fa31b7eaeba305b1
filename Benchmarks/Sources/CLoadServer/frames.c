#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "connection.h"
#include "wire.h"

bool connection_flush(struct connection *c) {
    size_t size = c->out_size;
    c->out_size = 0;
    return size == 0 || wire_stream_send_all(&c->stream, c->out, size);
}

bool connection_put_small(struct connection *c, uint8_t first, const void *payload, size_t size) {
    if (c->out_capacity - c->out_size < WIRE_MAX_HEADER + size && !connection_flush(c)) return false;
    c->out_size += wire_put_header(c->out + c->out_size, first, size, NULL);
    if (size > 0) memcpy(c->out + c->out_size, payload, size);
    c->out_size += size;
    return true;
}

// A data frame whose header has been read and whose payload is on its way.
struct open_frame {
    struct wire_header header;
    uint64_t left;
};

static bool answer_control(struct connection *c, const struct wire_header *h, const uint8_t *masked) {
    uint8_t payload[WIRE_MAX_CONTROL];
    wire_mask_copy(payload, masked, h->length, h->key);
    switch (h->first & WIRE_OPCODE) {
    case WIRE_PING: return connection_put_small(c, WIRE_FIN | WIRE_PONG, payload, h->length);
    case WIRE_CLOSE:
        c->finished = true;
        return c->close_sent || connection_put_small(c, WIRE_FIN | WIRE_CLOSE, payload, h->length);
    default: return true;
    }
}

// Takes what there is of the open frame's payload.
static bool take_payload(struct connection *c, struct open_frame *frame) {
    while (frame->left > 0 && c->in_begin < c->in_end) {
        size_t now = c->in_end - c->in_begin;
        if (now > frame->left) now = frame->left;
        if (c->work == LOAD_ECHO) {
            if (c->out_size == c->out_capacity && !connection_flush(c)) return false;
            if (now > c->out_capacity - c->out_size) now = c->out_capacity - c->out_size;
            uint32_t key = wire_rotate_key(frame->header.key, frame->header.length - frame->left);
            wire_mask_copy(c->out + c->out_size, c->in + c->in_begin, now, key);
            c->out_size += now;
        }
        c->in_begin += now;
        frame->left -= now;
    }
    return true;
}

// Whether the frame comes back only when all of it has come. A client that reads nothing before it has sent everything
// would otherwise wait for us as we for it.
static bool is_held_back(const struct connection *c, const struct open_frame *frame) {
    return c->work == LOAD_ECHO && frame->left > 0 && frame->header.length > LOAD_BUFFER / 4;
}

static bool begin_echo(struct connection *c, const struct open_frame *frame) {
    static const size_t most = 64 * 1024 * 1024;
    if (c->out_capacity - c->out_size < WIRE_MAX_HEADER && !connection_flush(c)) return false;
    size_t needed = c->out_size + WIRE_MAX_HEADER + frame->header.length;
    if (is_held_back(c, frame) && frame->header.length <= most && needed > c->out_capacity) {
        uint8_t *larger = realloc(c->out, needed);
        if (!larger) return false;
        c->out = larger;
        c->out_capacity = needed;
    }
    c->out_size += wire_put_header(c->out + c->out_size, frame->header.first, frame->header.length, NULL);
    return true;
}

static bool finish_message(struct connection *c, uint64_t *messages) {
    *messages += 1;
    if (c->work == LOAD_SINK && *messages == c->count) return connection_put_small(c, WIRE_FIN | WIRE_TEXT, "ok", 2);
    return true;
}

// Works through the bytes in the buffer; false when the connection has failed.
static bool take_batch(struct connection *c, struct open_frame *frame, uint64_t *messages) {
    while (!c->finished) {
        if (frame->left > 0) {
            if (!take_payload(c, frame)) return false;
            if (frame->left > 0) return true;
            if ((frame->header.first & WIRE_FIN) && !finish_message(c, messages)) return false;
        }
        struct wire_header h;
        size_t available = c->in_end - c->in_begin;
        if (!wire_parse_header(c->in + c->in_begin, available, &h)) return true;
        if (wire_is_control(h.first)) {
            if (h.length > WIRE_MAX_CONTROL) return false;
            if (available < h.size + h.length) return true;
            if (!answer_control(c, &h, c->in + c->in_begin + h.size)) return false;
            c->in_begin += h.size + h.length;
            continue;
        }
        c->in_begin += h.size;
        frame->header = h;
        frame->left = h.length;
        if (c->work == LOAD_ECHO && !begin_echo(c, frame)) return false;
        if (h.length == 0 && (h.first & WIRE_FIN) && !finish_message(c, messages)) return false;
    }
    return true;
}

// Linux drops bytes of a TCP stream without copying them when asked for MSG_TRUNC (tcp(7)).
static ssize_t skip(int fd, uint64_t size) {
    ssize_t skipped;
    do skipped = recv(fd, NULL, size < INT32_MAX ? (size_t)size : INT32_MAX, MSG_TRUNC);
    while (skipped < 0 && errno == EINTR);
    return skipped;
}

static bool receive(struct connection *c, struct open_frame *frame) {
    bool is_empty = c->in_begin == c->in_end;
    if (c->work != LOAD_ECHO && is_empty && frame->left > LOAD_BUFFER / 8 && !c->stream.tls) {
        // The last byte comes the usual way, and with it the end of the message.
        ssize_t skipped = skip(c->stream.fd, frame->left - 1);
        if (skipped <= 0) return false;
        frame->left -= (uint64_t)skipped;
        return true;
    }
    // What is left over is at most one header or control frame.
    memmove(c->in, c->in + c->in_begin, c->in_end - c->in_begin);
    c->in_end -= c->in_begin;
    c->in_begin = 0;
    ssize_t got = wire_stream_recv(&c->stream, c->in + c->in_end, LOAD_BUFFER - c->in_end);
    if (got <= 0) return false;
    c->in_end += (size_t)got;
    return true;
}

void connection_read_frames(struct connection *c) {
    struct open_frame frame = {0};
    uint64_t messages = 0;
    for (;;) {
        if (!take_batch(c, &frame, &messages)) return;
        if (!is_held_back(c, &frame) && !connection_flush(c)) return;
        if (c->finished) return;
        if (!receive(c, &frame)) return;
    }
}
