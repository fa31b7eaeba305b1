// The practical limit: a client in plain C with its own framing. It reads 64 KiB at a time and copies each payload once
// into the message that its user sees; it masks frames into 64 KiB writes. One connection is a blocking socket, several
// are sockets that do not block, in one thread with epoll. TLS is OpenSSL, compression zlib. It trusts its server.
#ifndef NOVA_BENCH_PLAIN_CLIENT_H
#define NOVA_BENCH_PLAIN_CLIENT_H

#include "task.h"

// Does the task, from connecting to the closing handshakes; -1 with the error in the result.
int plain_client_run(const struct bench_task *task, struct bench_result *result);

#endif
