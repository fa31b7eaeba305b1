#ifndef NOVA_BENCH_CONNECTION_H
#define NOVA_BENCH_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flood_block.h"
#include "stream.h"

enum load_work { LOAD_FLOOD, LOAD_ECHO, LOAD_SINK };

struct connection {
    struct wire_stream stream;
    enum load_work work;
    struct flood_kind flood;
    uint64_t count;     // of a flood's or a sink's messages
    uint8_t *in;
    size_t in_begin, in_end;
    uint8_t *out;
    size_t out_size, out_capacity;
    bool close_sent, finished;
};

enum { LOAD_BUFFER = 256 * 1024 };

// upgrade.c: reads the request, answers it; false when the connection is to be dropped.
bool connection_upgrade(struct connection *c);
// flood.c: sends the whole flood and its Close.
bool connection_flood(struct connection *c);
// frames.c: reads frames until the connection has ended.
void connection_read_frames(struct connection *c);

// Sends what is in `out`.
bool connection_flush(struct connection *c);
// Puts an unmasked frame of at most 125 bytes into `out`.
bool connection_put_small(struct connection *c, uint8_t first, const void *payload, size_t size);

#endif
