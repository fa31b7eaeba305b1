#ifndef NOVA_BENCH_CLIENT_H
#define NOVA_BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deflate.h"
#include "stream.h"
#include "task.h"
#include "wire.h"

enum { CLIENT_BUFFER = 64 * 1024, CLIENT_KEYS = 1024, CLIENT_LARGEST = 64 * 1024 * 1024 };

// How far something has come. Of a blocking socket there is no waiting.
enum step { STEP_DONE, STEP_AWAITS_READ, STEP_AWAITS_WRITE, STEP_FAILED };

struct message {
    uint8_t opcode;
    const uint8_t *payload;   // valid until the next message is read
    size_t size;
};

// What all connections of a task have in common.
struct session {
    const struct bench_task *task;
    struct bench_result *result;
    struct ssl_ctx_st *tls;   // NULL in the clear
    uint8_t *in;              // read into by one connection at a time, so that it stays in the processor's cache
};

enum phase { PHASE_WORK, PHASE_CLOSE, PHASE_AWAIT_CLOSE };

struct client {
    struct session *session;
    struct wire_stream stream;
    bool blocks;

    // receive.c
    size_t in_begin, in_end;  // what is not taken yet of the session's buffer
    uint8_t *saved;           // the same, while it is another connection's turn
    size_t saved_size, saved_capacity;
    bool has_read;            // in this turn
    bool in_frame;
    struct wire_header header;
    size_t frame_filled;
    uint8_t first;            // of the message's first frame
    uint8_t *message;
    size_t message_size, message_capacity;
    struct wire_inflater *inflater;

    // send.c
    uint8_t *out;
    size_t out_begin, out_end;
    bool putting, header_is_put;
    uint8_t put_first;
    uint32_t put_key;
    const uint8_t *put_payload;
    size_t put_size, put_done;
    struct wire_deflater *deflater;
    uint8_t *deflated;
    uint32_t keys[CLIENT_KEYS];
    size_t next_key;

    // work.c
    enum phase phase;
    uint64_t done;            // messages
    uint64_t start_ns;        // of a round trip
    bool is_sent;             // what it waits for
    bool peer_has_closed;
    uint8_t close_code[2];
    size_t close_code_size;
};

// connect.c: everything up to the 101, blocking; what has come behind that is saved.
bool client_open(struct client *c, struct session *session);
void client_free(struct client *c);
// Notes the reason with errno's meaning.
enum step client_fail(struct client *c, const char *what);

// receive.c: the next message, or Close. Pings are answered.
enum step client_next(struct client *c, struct message *message);
// A turn begins and ends: other connections read into the same buffer in between.
void client_begin_turn(struct client *c);
bool client_end_turn(struct client *c);

// send.c: while it waits, client_put is to be called with the same again.
enum step client_put(struct client *c, uint8_t opcode, const uint8_t *payload, size_t size);
enum step client_flush(struct client *c);

// work.c: the connection's share of the work and its closing handshake, as far as that can go now.
enum step client_work(struct client *c);

#endif
