#include "connection.h"
#include "wire.h"

// Waits for the client's first bytes, which stay in the buffer.
static bool await_client(struct connection *c) {
    if (c->in_begin < c->in_end) return true;
    ssize_t got = wire_stream_recv(&c->stream, c->in + c->in_end, LOAD_BUFFER - c->in_end);
    if (got > 0) c->in_end += (size_t)got;
    return got > 0;
}

// The server's cost is that of sending alone.
bool connection_flood(struct connection *c) {
    if (c->flood.content == FLOOD_JSON && !await_client(c)) return false;
    struct flood_block *block = flood_block_take(&c->flood);
    if (!block) return false;
    bool sent = true;
    for (uint64_t left = c->count; left > 0 && sent;) {
        size_t now = left < block->frames ? (size_t)left : block->frames;
        sent = wire_stream_send_all(&c->stream, block->bytes, block->ends[now - 1]);
        left -= now;
    }
    flood_block_release(block);
    const uint8_t normal[2] = {1000 >> 8, 1000 & 0xFF};
    c->close_sent = true;
    return sent && connection_put_small(c, WIRE_FIN | WIRE_CLOSE, normal, sizeof normal) && connection_flush(c);
}
