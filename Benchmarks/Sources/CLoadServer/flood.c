#include <stdlib.h>

#include "connection.h"
#include "wire.h"

// One block of many whole frames is framed in advance and sent over and over: the server's cost is that of send() alone.
bool connection_flood(struct connection *c) {
    uint8_t header[WIRE_MAX_HEADER];
    size_t header_size = wire_put_header(header, WIRE_FIN | WIRE_BINARY, c->size, NULL);
    size_t frame = header_size + c->size;
    size_t frames = frame >= LOAD_BUFFER ? 1 : LOAD_BUFFER / frame;
    uint8_t *block = malloc(frame * frames);
    if (!block) return false;
    for (size_t i = 0; i < frames; i++) {
        uint8_t *at = block + i * frame;
        memcpy(at, header, header_size);
        for (size_t j = 0; j < c->size; j++) at[header_size + j] = (uint8_t)('a' + (i + j) % 26);
    }

    bool sent = true;
    for (uint64_t left = c->count; left > 0 && sent;) {
        size_t now = left < frames ? (size_t)left : frames;
        sent = wire_send_all(c->fd, block, now * frame);
        left -= now;
    }
    free(block);
    const uint8_t normal[2] = {1000 >> 8, 1000 & 0xFF};
    c->close_sent = true;
    return sent && connection_put_small(c, WIRE_FIN | WIRE_CLOSE, normal, sizeof normal) && connection_flush(c);
}
