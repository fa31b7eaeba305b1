#ifndef NOVA_BENCH_CLIENT_H
#define NOVA_BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plain_client.h"

enum { CLIENT_BUFFER = 64 * 1024, CLIENT_KEYS = 1024 };

struct message {
    uint8_t opcode;
    const uint8_t *payload;   // valid until the next message is read
    size_t size;
};

struct client {
    int fd;
    struct plain_client_result *result;
    uint8_t *in;
    size_t in_begin, in_end;
    uint8_t *message;
    size_t message_capacity;
    uint8_t *out;
    size_t out_size;
    uint32_t keys[CLIENT_KEYS];
    size_t next_key;
};

// connect.c: everything up to the 101; on failure the error is in the result.
bool client_open(struct client *c, const struct plain_client_target *target, struct plain_client_result *result);
void client_free(struct client *c);
bool client_fail(struct client *c, const char *what);

// receive.c: reads the next message; false at the end of the stream. A Close frame counts as a message.
bool client_next(struct client *c, struct message *message);

// send.c
bool client_put(struct client *c, uint8_t opcode, const uint8_t *payload, size_t size);
bool client_flush(struct client *c);
// The closing handshake of RFC 6455 section 7, when we begin it.
void client_close(struct client *c);

#endif
