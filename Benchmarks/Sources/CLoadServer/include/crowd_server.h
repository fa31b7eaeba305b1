// The server beside which thousands of connections are held: one thread, epoll, a few KiB for each connection, in the
// clear or with TLS. Every message of up to 1 KiB comes back; a client that sends more, or does not read, is dropped.
#ifndef NOVA_BENCH_CROWD_SERVER_H
#define NOVA_BENCH_CROWD_SERVER_H

#include <stdbool.h>

// Makes a key and a certificate for 127.0.0.1, and writes the certificate as PEM for clients to trust. From then on the
// server speaks TLS. False with errno when it cannot be made or written.
bool crowd_server_use_tls(const char *certificate_path);

// Serves the connections of a listening socket for ever; returns -1 with errno when that fails for good.
int crowd_server_run(int listener);

#endif
