#include <errno.h>
#include <sys/random.h>

#include "client.h"

// Masking keys must come from a strong source (RFC 6455 section 5.3): the kernel's, fetched by the thousand.
static bool next_key(struct client *c, uint32_t *key) {
    if (c->next_key == CLIENT_KEYS) {
        if (getrandom(c->keys, sizeof c->keys, 0) != (ssize_t)sizeof c->keys) return false;
        c->next_key = 0;
    }
    *key = c->keys[c->next_key++];
    return true;
}

enum step client_flush(struct client *c) {
    while (c->out_begin < c->out_end) {
        ssize_t sent = wire_stream_send(&c->stream, c->out + c->out_begin, c->out_end - c->out_begin);
        if (sent == WIRE_AGAIN) return STEP_AWAITS_WRITE;
        if (sent <= 0) return client_fail(c, "cannot send");
        c->out_begin += (size_t)sent;
    }
    c->out_begin = c->out_end = 0;
    return STEP_DONE;
}

static enum step begin_put(struct client *c, uint8_t opcode, const uint8_t *payload, size_t size) {
    c->put_first = WIRE_FIN | opcode;
    if (c->deflater && !wire_is_control(opcode)) {
        size = wire_deflate(c->deflater, payload, size, c->deflated);
        payload = c->deflated;
        errno = 0;
        if (size == 0) return client_fail(c, "cannot compress");
        c->put_first |= WIRE_RSV1;
    }
    if (!next_key(c, &c->put_key)) return client_fail(c, "getrandom");
    c->put_payload = payload;
    c->put_size = size;
    c->put_done = 0;
    c->header_is_put = false;
    c->putting = true;
    return STEP_DONE;
}

// Makes room, unless there is as much.
static enum step make_room(struct client *c, size_t size) {
    return CLIENT_BUFFER - c->out_end < size ? client_flush(c) : STEP_DONE;
}

enum step client_put(struct client *c, uint8_t opcode, const uint8_t *payload, size_t size) {
    enum step step = c->putting ? STEP_DONE : begin_put(c, opcode, payload, size);
    if (step == STEP_DONE && !c->header_is_put) {
        // A small frame stays in one piece, a large one fills each write to the brim.
        step = make_room(c, WIRE_MAX_HEADER + (c->put_size <= CLIENT_BUFFER / 8 ? c->put_size : 0));
        if (step != STEP_DONE) return step;
        c->out_end += wire_put_header(c->out + c->out_end, c->put_first, c->put_size, &c->put_key);
        c->header_is_put = true;
    }
    while (step == STEP_DONE && c->put_done < c->put_size) {
        step = make_room(c, 1);
        if (step != STEP_DONE) return step;
        size_t now = CLIENT_BUFFER - c->out_end;
        if (now > c->put_size - c->put_done) now = c->put_size - c->put_done;
        uint32_t key = wire_rotate_key(c->put_key, c->put_done);
        wire_mask_copy(c->out + c->out_end, c->put_payload + c->put_done, now, key);
        c->out_end += now;
        c->put_done += now;
    }
    if (step == STEP_DONE) c->putting = false;
    return step;
}
