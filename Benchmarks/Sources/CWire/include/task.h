// What a C client of the benchmark is told to do, and what it answers.
#ifndef NOVA_BENCH_TASK_H
#define NOVA_BENCH_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum bench_work { BENCH_FLOOD, BENCH_ECHO, BENCH_SINK };

struct bench_task {
    const char *host;
    const char *port;
    const char *resource;           // path and query, of each connection
    bool tls;
    const char *certificate_path;   // the certificates to trust, as PEM; NULL for the system's

    enum bench_work work;
    uint32_t connections;
    uint64_t count;                 // messages of each connection
    // What is sent, of an echo or to a sink; of text, UTF-8.
    const uint8_t *payload;
    size_t size;
    bool text;
    bool deflate;                   // permessage-deflate is offered
    bool verify;                    // for tests: echoes are compared with what was sent
    // Room for the round trips of all echoes, in nanoseconds.
    uint64_t *round_trips_ns;
};

// Of all connections together.
struct bench_result {
    uint64_t messages;              // received (flood), sent (sink), or sent and received back (echo)
    uint64_t bytes;                 // of messages received, as their user sees them
    char error[160];                // why a client has failed
};

// The monotonic clock.
static inline uint64_t bench_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// The user of a message: the same for all contestants, it looks at the size. Not inlined, so that the message is made.
void bench_deliver(struct bench_result *result, const uint8_t *payload, size_t size);

// Notes why a client has failed, with errno's meaning unless it is 0. Only the first reason counts. Returns false.
bool bench_fail(struct bench_result *result, const char *what);

#endif
