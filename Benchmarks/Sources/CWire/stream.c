#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    // A read takes several records of 16 KiB.
    READ_BUFFER = 64 * 1024,
};

void wire_tls_prepare(struct ssl_ctx_st *context) {
    // OpenSSL otherwise reads each record's header and each record's body by a call of its own.
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_BUFFER);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
}

static bool expect(SSL *tls, const char *host) {
    struct in6_addr address;
    if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1;
    }
    return SSL_set1_host(tls, host) == 1 && SSL_set_tlsext_host_name(tls, host) == 1;
}

bool wire_stream_start_tls(struct wire_stream *s, struct ssl_ctx_st *context, const char *host) {
    s->tls = SSL_new(context);
    if (!s->tls || SSL_set_fd(s->tls, s->fd) != 1 || (host && !expect(s->tls, host))) return false;
    ERR_clear_error();
    return (host ? SSL_connect(s->tls) : SSL_accept(s->tls)) == 1;
}

// What a call of OpenSSL that has failed stands for.
static ssize_t problem(const struct wire_stream *s, int result) {
    switch (SSL_get_error(s->tls, result)) {
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return WIRE_AGAIN;
    case SSL_ERROR_SYSCALL: return -1;
    default: errno = EPROTO; return -1;
    }
}

static ssize_t outcome(ssize_t result) {
    return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? WIRE_AGAIN : result;
}

ssize_t wire_stream_recv(struct wire_stream *s, uint8_t *p, size_t n) {
    if (s->tls) {
        size_t got;
        ERR_clear_error();
        int result = SSL_read_ex(s->tls, p, n, &got);
        return result == 1 ? (ssize_t)got : problem(s, result);
    }
    ssize_t got;
    do got = recv(s->fd, p, n, 0);
    while (got < 0 && errno == EINTR);
    return outcome(got);
}

bool wire_stream_holds_bytes(const struct wire_stream *s) { return s->tls && SSL_has_pending(s->tls); }

ssize_t wire_stream_send(struct wire_stream *s, const uint8_t *p, size_t n) {
    if (s->tls) {
        size_t sent;
        ERR_clear_error();
        int result = SSL_write_ex(s->tls, p, n, &sent);
        return result == 1 ? (ssize_t)sent : problem(s, result);
    }
    ssize_t sent;
    do sent = send(s->fd, p, n, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return outcome(sent);
}

bool wire_stream_send_all(struct wire_stream *s, const uint8_t *p, size_t n) {
    while (n > 0) {
        ssize_t sent = wire_stream_send(s, p, n);
        if (sent <= 0) return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

void wire_stream_close(struct wire_stream *s) {
    if (s->tls) {
        if (SSL_is_init_finished(s->tls)) SSL_shutdown(s->tls);
        SSL_free(s->tls);
        s->tls = NULL;
    }
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
}
