#include <sys/random.h>

#include "client.h"
#include "wire.h"

// Masking keys must come from a strong source (RFC 6455 section 5.3): the kernel's, fetched by the thousand.
static bool next_key(struct client *c, uint32_t *key) {
    if (c->next_key == CLIENT_KEYS) {
        if (getrandom(c->keys, sizeof c->keys, 0) != (ssize_t)sizeof c->keys) return client_fail(c, "getrandom");
        c->next_key = 0;
    }
    *key = c->keys[c->next_key++];
    return true;
}

bool client_flush(struct client *c) {
    size_t size = c->out_size;
    c->out_size = 0;
    return size == 0 || wire_send_all(c->fd, c->out, size) || client_fail(c, "cannot send");
}

bool client_put(struct client *c, uint8_t opcode, const uint8_t *payload, size_t size) {
    uint32_t key;
    if (!next_key(c, &key)) return false;
    // A small frame stays in one piece, a large one fills each write to the brim.
    size_t whole = WIRE_MAX_HEADER + (size <= CLIENT_BUFFER / 8 ? size : 0);
    if (CLIENT_BUFFER - c->out_size < whole && !client_flush(c)) return false;
    c->out_size += wire_put_header(c->out + c->out_size, WIRE_FIN | opcode, size, &key);
    for (size_t done = 0; done < size;) {
        if (c->out_size == CLIENT_BUFFER && !client_flush(c)) return false;
        size_t now = CLIENT_BUFFER - c->out_size;
        if (now > size - done) now = size - done;
        wire_mask_copy(c->out + c->out_size, payload + done, now, wire_rotate_key(key, done));
        c->out_size += now;
        done += now;
    }
    return true;
}

void client_close(struct client *c) {
    const uint8_t normal[2] = {1000 >> 8, 1000 & 0xFF};
    struct message message;
    if (!client_put(c, WIRE_CLOSE, normal, sizeof normal) || !client_flush(c)) return;
    while (client_next(c, &message) && message.opcode != WIRE_CLOSE) {}
}
