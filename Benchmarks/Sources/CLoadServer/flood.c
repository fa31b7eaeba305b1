#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "wire.h"

enum { JSON_HEAD = 320 };

// A message as services for trading send it: members of all kinds, a list, and a text that fills it up to `size`. Returns
// its length, at most JSON_HEAD or `size`.
static size_t put_json(char *text, size_t size) {
    static const char head[] =
        "{\"jsonrpc\":\"2.0\",\"channel\":\"trades.BTC-PERPETUAL.raw\",\"sequence\":73649128,\"data\":{"
        "\"trade_id\":\"48079269\",\"timestamp\":1590484512188,\"price\":8950.5,\"amount\":10,\"is_maker\":false,"
        "\"liquidation\":null,\"levels\":[[8950.5,120],[8951.0,40.25]],\"direction\":\"buy\",\"note\":\"";
    static const char tail[] = "\"}}";
    size_t least = sizeof head - 1 + sizeof tail - 1;
    size_t fill = size > least ? size - least : 0;
    memcpy(text, head, sizeof head - 1);
    memset(text + sizeof head - 1, 'n', fill);
    memcpy(text + sizeof head - 1 + fill, tail, sizeof tail - 1);
    return least + fill;
}

// Waits for the client's first bytes, which stay in the buffer.
static bool await_client(struct connection *c) {
    if (c->in_begin < c->in_end) return true;
    ssize_t got = wire_recv(c->fd, c->in + c->in_end, LOAD_BUFFER - c->in_end, 0);
    if (got > 0) c->in_end += (size_t)got;
    return got > 0;
}

// One block of many whole frames is framed in advance and sent over and over: the server's cost is that of send() alone.
bool connection_flood(struct connection *c) {
    uint8_t header[WIRE_MAX_HEADER];
    char *json = NULL;
    if (c->json) {
        json = malloc(JSON_HEAD + c->size);
        if (!json || !await_client(c)) return free(json), false;
        c->size = put_json(json, c->size);
    }
    size_t header_size = wire_put_header(header, WIRE_FIN | (json ? WIRE_TEXT : WIRE_BINARY), c->size, NULL);
    size_t frame = header_size + c->size;
    size_t frames = frame >= LOAD_BUFFER ? 1 : LOAD_BUFFER / frame;
    uint8_t *block = malloc(frame * frames);
    if (!block) return free(json), false;
    for (size_t i = 0; i < frames; i++) {
        uint8_t *at = block + i * frame;
        memcpy(at, header, header_size);
        if (json) memcpy(at + header_size, json, c->size);
        else for (size_t j = 0; j < c->size; j++) at[header_size + j] = (uint8_t)('a' + (i + j) % 26);
    }
    free(json);

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
