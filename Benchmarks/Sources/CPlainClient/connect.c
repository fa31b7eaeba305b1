#define _GNU_SOURCE
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"
#include "wire.h"

bool client_fail(struct client *c, const char *what) {
    snprintf(c->result->error, sizeof c->result->error, "%s%s%s", what, errno ? ": " : "", errno ? strerror(errno) : "");
    return false;
}

static bool connect_tcp(struct client *c, const struct plain_client_target *target) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int problem = getaddrinfo(target->host, target->port, &hints, &found);
    if (problem != 0) {
        errno = 0;
        return client_fail(c, gai_strerror(problem));
    }
    for (struct addrinfo *a = found; a && c->fd < 0; a = a->ai_next) {
        c->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (c->fd >= 0 && connect(c->fd, a->ai_addr, a->ai_addrlen) != 0) {
            int error = errno;
            close(c->fd);
            c->fd = -1;
            errno = error;
        }
    }
    freeaddrinfo(found);
    if (c->fd < 0) return client_fail(c, "cannot connect");
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
}

static bool upgrade(struct client *c, const struct plain_client_target *target) {
    // The server of a benchmark is trusted: a fixed key, and no check of the answer beyond its status.
    int n = snprintf(
        (char *)c->out, CLIENT_BUFFER,
        "GET %s HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        target->resource, target->host, target->port);
    errno = 0;
    if (n >= CLIENT_BUFFER) return client_fail(c, "the URL is too long");
    if (!wire_send_all(c->fd, c->out, (size_t)n)) return client_fail(c, "cannot send the upgrade request");
    for (;;) {
        if (c->in_end == CLIENT_BUFFER) return client_fail(c, "the response to the upgrade is too long");
        ssize_t got = wire_recv(c->fd, c->in + c->in_end, CLIENT_BUFFER - c->in_end, 0);
        if (got <= 0) return client_fail(c, "no response to the upgrade");
        c->in_end += (size_t)got;
        uint8_t *end = memmem(c->in, c->in_end, "\r\n\r\n", 4);
        if (!end) continue;
        if (c->in_end < 12 || memcmp(c->in, "HTTP/1.1 101", 12) != 0) return client_fail(c, "the upgrade was refused");
        c->in_begin = (size_t)(end - c->in) + 4;
        return true;
    }
}

bool client_open(struct client *c, const struct plain_client_target *target, struct plain_client_result *result) {
    memset(c, 0, sizeof *c);
    memset(result, 0, sizeof *result);
    c->fd = -1;
    c->result = result;
    c->next_key = CLIENT_KEYS;
    c->message_capacity = CLIENT_BUFFER;
    c->in = malloc(CLIENT_BUFFER);
    c->out = malloc(CLIENT_BUFFER);
    c->message = malloc(c->message_capacity);
    if (c->in && c->out && c->message && connect_tcp(c, target) && upgrade(c, target)) return true;
    if (!c->in || !c->out || !c->message) client_fail(c, "no memory");
    client_free(c);
    return false;
}

void client_free(struct client *c) {
    if (c->fd >= 0) close(c->fd);
    free(c->in);
    free(c->out);
    free(c->message);
}
