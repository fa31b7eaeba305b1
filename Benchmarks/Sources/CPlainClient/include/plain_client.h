// The practical limit: a blocking client in plain C with its own framing. It reads 64 KiB at a time and copies each
// payload once into the message that its user sees; it masks frames into 64 KiB writes. It knows one connection, no TLS,
// no compression, and trusts its server.
#ifndef NOVA_BENCH_PLAIN_CLIENT_H
#define NOVA_BENCH_PLAIN_CLIENT_H

#include <stdint.h>

struct plain_client_target {
    const char *host;
    const char *port;
    const char *resource;   // path and query
};

struct plain_client_result {
    uint64_t messages;      // received (flood), sent (sink), or sent and received back (echo)
    char error[160];        // why a function returned -1
};

// Receives until `count` messages have come or the server closes.
int plain_client_flood(
    const struct plain_client_target *target, uint64_t count, struct plain_client_result *result);

// Sends `count` binary messages of `size` bytes and waits for the server's answer.
int plain_client_sink(
    const struct plain_client_target *target, uint64_t size, uint64_t count, struct plain_client_result *result);

// Sends a message and waits until it has come back, `count` times; stores each round trip.
int plain_client_echo(
    const struct plain_client_target *target, uint64_t size, uint64_t count, uint64_t *round_trips_ns,
    struct plain_client_result *result);

#endif
