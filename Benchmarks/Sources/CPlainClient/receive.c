#include <stdlib.h>

#include "client.h"
#include "wire.h"

static bool fill(struct client *c) {
    // Left over is at most an incomplete header.
    size_t left = c->in_end - c->in_begin;
    if (left > 0) memmove(c->in, c->in + c->in_begin, left);
    c->in_begin = 0;
    c->in_end = left;
    ssize_t got = wire_recv(c->fd, c->in + left, CLIENT_BUFFER - left, 0);
    if (got < 0) return client_fail(c, "cannot receive");
    if (got == 0) return false;
    c->in_end += (size_t)got;
    return true;
}

static bool reserve(struct client *c, uint64_t size) {
    if (size <= c->message_capacity) return true;
    uint8_t *larger = size <= 64 * 1024 * 1024 ? realloc(c->message, size) : NULL;
    if (!larger) {
        errno = 0;
        return client_fail(c, "a message is too large");
    }
    c->message = larger;
    c->message_capacity = size;
    return true;
}

// The load server does not fragment its messages, so that a frame is a message.
bool client_next(struct client *c, struct message *message) {
    struct wire_header h;
    while (!wire_parse_header(c->in + c->in_begin, c->in_end - c->in_begin, &h)) {
        if (!fill(c)) return false;
    }
    c->in_begin += h.size;
    if (!reserve(c, h.length)) return false;
    size_t filled = 0;
    for (;;) {
        size_t now = c->in_end - c->in_begin;
        if (now > h.length - filled) now = h.length - filled;
        memcpy(c->message + filled, c->in + c->in_begin, now);
        c->in_begin += now;
        filled += now;
        if (filled == h.length) break;
        if (!fill(c)) return false;
    }
    message->opcode = h.first & WIRE_OPCODE;
    message->payload = c->message;
    message->size = filled;
    return true;
}
