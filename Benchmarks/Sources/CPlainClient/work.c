#include <stdlib.h>
#include <time.h>

#include "client.h"
#include "wire.h"

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint8_t *make_payload(uint64_t size) {
    uint8_t *payload = malloc(size > 0 ? size : 1);
    if (payload) memset(payload, 'x', size);
    return payload;
}

// The user of a message: the same for all contestants, it looks at the size. Not inlined, so that the copy stays.
__attribute__((noinline)) static void deliver(const struct message *message, uint64_t *bytes) {
    __asm__ volatile("" : : "r"(message->payload) : "memory");
    *bytes += message->size;
}

int plain_client_flood(
    const struct plain_client_target *target, uint64_t count, struct plain_client_result *result) {
    struct client c;
    if (!client_open(&c, target, result)) return -1;
    struct message message;
    uint64_t bytes = 0;
    bool closed = false;
    while (!closed && result->messages < count && client_next(&c, &message)) {
        if (message.opcode == WIRE_CLOSE) {
            closed = true;
        } else if (!wire_is_control(message.opcode)) {
            deliver(&message, &bytes);
            result->messages += 1;
        }
    }
    if (closed) {
        client_put(&c, WIRE_CLOSE, message.payload, message.size < 2 ? 0 : 2);
        client_flush(&c);
    } else {
        client_close(&c);
    }
    client_free(&c);
    return result->error[0] == 0 ? 0 : -1;
}

int plain_client_sink(
    const struct plain_client_target *target, uint64_t size, uint64_t count, struct plain_client_result *result) {
    struct client c;
    if (!client_open(&c, target, result)) return -1;
    uint8_t *payload = make_payload(size);
    bool fine = payload || client_fail(&c, "no memory");
    while (fine && result->messages < count) {
        fine = client_put(&c, WIRE_BINARY, payload, size);
        result->messages += fine;
    }
    struct message message = {0};
    fine = fine && client_flush(&c);
    while (fine && message.opcode != WIRE_TEXT) {
        errno = 0;
        fine = client_next(&c, &message) || client_fail(&c, "the sink did not answer");
    }
    if (fine) client_close(&c);
    free(payload);
    client_free(&c);
    return fine ? 0 : -1;
}

int plain_client_echo(
    const struct plain_client_target *target, uint64_t size, uint64_t count, uint64_t *round_trips_ns,
    struct plain_client_result *result) {
    struct client c;
    if (!client_open(&c, target, result)) return -1;
    uint8_t *payload = make_payload(size);
    bool fine = payload || client_fail(&c, "no memory");
    while (fine && result->messages < count) {
        struct message message = {0};
        uint64_t start = now_ns();
        fine = client_put(&c, WIRE_BINARY, payload, size) && client_flush(&c);
        while (fine && message.opcode != WIRE_BINARY) {
            errno = 0;
            fine = client_next(&c, &message) || client_fail(&c, "the echo ended early");
        }
        if (!fine) break;
        round_trips_ns[result->messages] = now_ns() - start;
        errno = 0;
        fine = message.size == size || client_fail(&c, "an echo of another size");
        result->messages += fine;
    }
    if (fine) client_close(&c);
    free(payload);
    client_free(&c);
    return fine ? 0 : -1;
}
