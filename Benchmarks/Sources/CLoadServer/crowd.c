#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crowd_server.h"
#include "server_tls.h"
#include "stream.h"
#include "upgrade.h"
#include "wire.h"

enum {
    // More than one message of 1 KiB with its header, or a request.
    MEMBER_BUFFER = 2048,
    EVENTS = 256,
};

// One of the crowd.
struct member {
    struct wire_stream stream;
    bool upgraded, finished;
    size_t size;                     // of what is in `in`
    uint8_t in[MEMBER_BUFFER];
};

static SSL_CTX *tls_context;

bool crowd_server_use_tls(const char *certificate_path) {
    tls_context = server_tls_make(certificate_path);
    if (!tls_context) return false;
    SSL_CTX_set_mode(tls_context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    return true;
}

static void drop(struct member *m) {
    // Closing the descriptor takes it out of the epoll set.
    wire_stream_close(&m->stream);
    free(m);
}

// All or nothing: what is sent is small, and a client that does not take it is dropped.
static bool send_all(struct member *m, const void *bytes, size_t size) {
    return size == 0 || wire_stream_send(&m->stream, bytes, size) == (ssize_t)size;
}

// Takes the request, if it is there as a whole.
static bool take_request(struct member *m) {
    uint8_t *end = memmem(m->in, m->size, "\r\n\r\n", 4);
    if (!end) return m->size < MEMBER_BUFFER;
    size_t length = (size_t)(end - m->in) + 4;
    end[2] = 0;
    char head[UPGRADE_HEAD];
    size_t head_size = upgrade_put_head((const char *)m->in, NULL, head);
    if (head_size == 0 || !send_all(m, head, head_size)) return false;
    memmove(m->in, m->in + length, m->size - length);
    m->size -= length;
    m->upgraded = true;
    return true;
}

// Answers every frame that is there as a whole, with one write.
static bool take_frames(struct member *m) {
    uint8_t out[MEMBER_BUFFER];
    size_t out_size = 0, begin = 0;
    struct wire_header h;
    while (!m->finished && wire_parse_header(m->in + begin, m->size - begin, &h)) {
        if (h.length > MEMBER_BUFFER - WIRE_MAX_HEADER) return false;
        if (m->size - begin < h.size + h.length) break;
        uint8_t opcode = h.first & WIRE_OPCODE;
        if (opcode != WIRE_PONG) {
            uint8_t first = opcode == WIRE_PING ? WIRE_FIN | WIRE_PONG : h.first;
            out_size += wire_put_header(out + out_size, first, h.length, NULL);
            wire_mask_copy(out + out_size, m->in + begin + h.size, h.length, h.key);
            out_size += h.length;
        }
        m->finished = opcode == WIRE_CLOSE;
        begin += h.size + h.length;
    }
    memmove(m->in, m->in + begin, m->size - begin);
    m->size -= begin;
    return send_all(m, out, out_size);
}

static bool serve(struct member *m) {
    for (;;) {
        // Of TLS, this makes the handshake first.
        ssize_t got = wire_stream_recv(&m->stream, m->in + m->size, MEMBER_BUFFER - m->size);
        if (got <= 0) return got == WIRE_AGAIN;
        bool was_full = (size_t)got == MEMBER_BUFFER - m->size;
        m->size += (size_t)got;
        if (!m->upgraded && !take_request(m)) return false;
        if (m->upgraded && !take_frames(m)) return false;
        if (m->finished) return false;
        // A short read has emptied the socket; but of TLS, not OpenSSL.
        if (!m->stream.tls && !was_full) return true;
    }
}

static void admit(int set, int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) return;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct member *m = calloc(1, sizeof *m);
        if (!m) {
            close(fd);
            continue;
        }
        m->stream.fd = fd;
        if (tls_context && (m->stream.tls = SSL_new(tls_context))) {
            SSL_set_fd(m->stream.tls, fd);
            SSL_set_accept_state(m->stream.tls);
        }
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = m};
        if ((tls_context && !m->stream.tls) || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0) drop(m);
    }
}

int crowd_server_run(int listener) {
    // OpenSSL writes without MSG_NOSIGNAL.
    signal(SIGPIPE, SIG_IGN);
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event listening = {.events = EPOLLIN};
    // Connections are accepted until there is none more: that must not block.
    if (set < 0 || fcntl(listener, F_SETFL, O_NONBLOCK) != 0) return -1;
    if (epoll_ctl(set, EPOLL_CTL_ADD, listener, &listening) != 0) return -1;
    struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(set, events, EVENTS, -1);
        if (count < 0 && errno != EINTR) return -1;
        for (int i = 0; i < count; i++) {
            struct member *m = events[i].data.ptr;
            if (!m) admit(set, listener);
            else if (!serve(m)) drop(m);
        }
    }
}
