#ifndef NOVA_BENCH_SERVER_TLS_H
#define NOVA_BENCH_SERVER_TLS_H

#include <openssl/ssl.h>

// A server's TLS context with a certificate made now, which is also written to a file as PEM. NULL with errno.
SSL_CTX *server_tls_make(const char *certificate_path);

#endif
