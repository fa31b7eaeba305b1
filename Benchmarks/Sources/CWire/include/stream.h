// A connected socket, in the clear or with TLS, for both ends of the benchmark's C code.
#ifndef NOVA_BENCH_STREAM_H
#define NOVA_BENCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// OpenSSL's types by their tags: so its headers are not part of this one.
struct ssl_st;
struct ssl_ctx_st;

struct wire_stream {
    int fd;
    struct ssl_st *tls;   // NULL in the clear
};

// What a socket that does not block says when it has nothing now, or no room.
enum { WIRE_AGAIN = -2 };

// Sets what makes a context's streams fast: large reads, and whole records from wherever the caller's bytes are.
void wire_tls_prepare(struct ssl_ctx_st *context);

// Makes the handshake of TLS over the stream's blocking socket; `host` is what a client checks the certificate for, and
// NULL makes this the server's end. False when it fails.
bool wire_stream_start_tls(struct wire_stream *s, struct ssl_ctx_st *context, const char *host);

// > 0 bytes, 0 at the end of the stream, -1 with errno, or WIRE_AGAIN. Starts again after a signal.
ssize_t wire_stream_recv(struct wire_stream *s, uint8_t *p, size_t n);

// Whether OpenSSL holds bytes that it has read and not given out: the socket does not tell of those.
bool wire_stream_holds_bytes(const struct wire_stream *s);

// Sends some of n bytes: > 0, -1 with errno, or WIRE_AGAIN. After that it is called again with the same bytes.
ssize_t wire_stream_send(struct wire_stream *s, const uint8_t *p, size_t n);

// Sends all n bytes over a blocking socket; false when the peer is gone.
bool wire_stream_send_all(struct wire_stream *s, const uint8_t *p, size_t n);

// Tells a TLS peer of the end, without waiting for its word, and closes the socket.
void wire_stream_close(struct wire_stream *s);

#endif
