#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

enum step client_fail(struct client *c, const char *what) {
    bench_fail(c->session->result, what);
    return STEP_FAILED;
}

static bool fail(struct client *c, const char *what) { return client_fail(c, what) == STEP_DONE; }

static bool connect_tcp(struct client *c) {
    const struct bench_task *task = c->session->task;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int problem = getaddrinfo(task->host, task->port, &hints, &found);
    if (problem != 0) {
        errno = 0;
        return fail(c, gai_strerror(problem));
    }
    int fd = -1;
    for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            int error = errno;
            close(fd);
            fd = -1;
            errno = error;
        }
    }
    freeaddrinfo(found);
    c->stream.fd = fd;
    if (fd < 0) return fail(c, "cannot connect");
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
}

static bool send_request(struct client *c) {
    // The server of a benchmark is trusted: a fixed key, and no check of the answer beyond its status and extension.
    const struct bench_task *task = c->session->task;
    const char *offer = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; "
                        "server_no_context_takeover\r\n";
    int n = snprintf(
        (char *)c->out, CLIENT_BUFFER,
        "GET %s HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
        task->resource, task->host, task->port, task->deflate ? offer : "");
    errno = 0;
    if (n >= CLIENT_BUFFER) return fail(c, "the URL is too long");
    return wire_stream_send_all(&c->stream, c->out, (size_t)n) || fail(c, "cannot send the upgrade request");
}

static bool read_response(struct client *c) {
    char *in = (char *)c->session->in;
    for (;;) {
        errno = 0;
        if (c->in_end == CLIENT_BUFFER) return fail(c, "the response to the upgrade is too long");
        ssize_t got = wire_stream_recv(&c->stream, c->session->in + c->in_end, CLIENT_BUFFER - c->in_end);
        if (got <= 0) return fail(c, "no response to the upgrade");
        c->in_end += (size_t)got;
        char *end = memmem(in, c->in_end, "\r\n\r\n", 4);
        if (!end) continue;
        c->in_begin = (size_t)(end - in) + 4;
        if (c->in_begin < 16 || memcmp(in, "HTTP/1.1 101", 12) != 0) return fail(c, "the upgrade was refused");
        end[2] = 0;
        bool deflates = strcasestr(in, "permessage-deflate") && strcasestr(in, "server_no_context_takeover");
        return deflates || !c->session->task->deflate || fail(c, "the server does not compress without context");
    }
}

static bool allocate(struct client *c) {
    const struct bench_task *task = c->session->task;
    c->message_capacity = CLIENT_BUFFER;
    c->message = malloc(c->message_capacity);
    c->out = malloc(CLIENT_BUFFER);
    if (!c->message || !c->out) return false;
    if (!task->deflate) return true;
    // The fastest level, which is what the library uses too.
    c->deflater = wire_deflater_make(1);
    c->inflater = wire_inflater_make();
    if (!c->deflater || !c->inflater) return false;
    c->deflated = malloc(wire_deflater_bound(c->deflater, task->size));
    return c->deflated != NULL;
}

bool client_open(struct client *c, struct session *session) {
    const struct bench_task *task = session->task;
    c->session = session;
    c->stream.fd = -1;
    c->blocks = true;
    c->next_key = CLIENT_KEYS;
    if (!allocate(c)) return fail(c, "no memory");
    if (!connect_tcp(c)) return false;
    errno = 0;
    if (session->tls && !wire_stream_start_tls(&c->stream, session->tls, task->host)) {
        return fail(c, "the handshake of TLS has failed");
    }
    return send_request(c) && read_response(c) && client_end_turn(c);
}

void client_free(struct client *c) {
    if (!c->session) return;
    wire_stream_close(&c->stream);
    wire_deflater_free(c->deflater);
    wire_inflater_free(c->inflater);
    free(c->deflated);
    free(c->saved);
    free(c->message);
    free(c->out);
}
