#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "client.h"
#include "plain_client.h"

static bool use_tls(struct session *session) {
    if (!session->task->tls) return true;
    const char *trusted = session->task->certificate_path;
    errno = 0;
    session->tls = SSL_CTX_new(TLS_client_method());
    if (!session->tls) return bench_fail(session->result, "no TLS");
    SSL_CTX_set_verify(session->tls, SSL_VERIFY_PEER, NULL);
    wire_tls_prepare(session->tls);
    int loaded = trusted ? SSL_CTX_load_verify_locations(session->tls, trusted, NULL)
                         : SSL_CTX_set_default_verify_paths(session->tls);
    return loaded == 1 || bench_fail(session->result, "cannot read the certificates to trust");
}

static bool open_session(struct session *session) {
    session->in = malloc(CLIENT_BUFFER);
    return session->in || bench_fail(session->result, "no memory");
}

static void close_session(struct session *session) {
    SSL_CTX_free(session->tls);
    free(session->in);
}

// One connection: the best way is a blocking socket.
static bool run_one(struct client *c) {
    client_begin_turn(c);
    return client_work(c) == STEP_DONE;
}

enum { EVENTS = 64 };

// What one connection does when its socket is ready. `awaited` is what epoll waits for on its behalf.
static bool take_turn(struct client *c, int set, uint32_t *awaited, uint32_t *unfinished) {
    client_begin_turn(c);
    enum step step = client_work(c);
    if (step == STEP_FAILED || !client_end_turn(c)) return false;
    struct epoll_event event = {.events = step == STEP_AWAITS_WRITE ? EPOLLOUT : EPOLLIN, .data.ptr = c};
    if (step == STEP_DONE) {
        *unfinished -= 1;
        return epoll_ctl(set, EPOLL_CTL_DEL, c->stream.fd, NULL) == 0;
    }
    if (event.events == *awaited) return true;
    *awaited = event.events;
    return epoll_ctl(set, EPOLL_CTL_MOD, c->stream.fd, &event) == 0;
}

static bool admit(struct client *c, int set) {
    c->blocks = false;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    return fcntl(c->stream.fd, F_SETFL, O_NONBLOCK) == 0 && epoll_ctl(set, EPOLL_CTL_ADD, c->stream.fd, &event) == 0;
}

// Several connections: sockets that do not block, and epoll, level-triggered: one read for each word of it.
static bool run_several(struct client *clients, uint32_t count, int set, uint32_t *awaited) {
    uint32_t unfinished = count;
    for (uint32_t i = 0; i < count; i++) {
        if (!admit(&clients[i], set)) return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        awaited[i] = EPOLLIN;
        if (!take_turn(&clients[i], set, &awaited[i], &unfinished)) return false;
    }
    struct epoll_event events[EVENTS];
    while (unfinished > 0) {
        int ready = epoll_wait(set, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR) return false;
        for (int i = 0; i < ready; i++) {
            struct client *c = events[i].data.ptr;
            if (!take_turn(c, set, &awaited[c - clients], &unfinished)) return false;
        }
    }
    return true;
}

static bool work(struct session *session, struct client *clients) {
    uint32_t count = session->task->connections;
    for (uint32_t i = 0; i < count; i++) {
        if (!client_open(&clients[i], session)) return false;
    }
    if (count == 1) return run_one(clients);
    int set = epoll_create1(EPOLL_CLOEXEC);
    uint32_t *awaited = calloc(count, sizeof *awaited);
    bool done = set >= 0 && awaited && run_several(clients, count, set, awaited);
    if (!done) bench_fail(session->result, "epoll");
    free(awaited);
    if (set >= 0) close(set);
    return done;
}

int plain_client_run(const struct bench_task *task, struct bench_result *result) {
    // OpenSSL writes without MSG_NOSIGNAL.
    signal(SIGPIPE, SIG_IGN);
    *result = (struct bench_result){0};
    struct session session = {.task = task, .result = result};
    struct client *clients = calloc(task->connections, sizeof *clients);
    bool done = clients && use_tls(&session) && open_session(&session) && work(&session, clients);
    for (uint32_t i = 0; clients && i < task->connections; i++) client_free(&clients[i]);
    free(clients);
    close_session(&session);
    return done ? 0 : -1;
}
