// The server against which all clients are measured. It runs in a process of its own, and is built to cost much less
// than any client: floods are framed in advance, sinks are skipped without being unmasked, echoes are unmasked by
// vector instructions and written once per read.
//
//   /flood?size=N&count=M   M binary messages of N bytes, then Close 1000; with &text=1 texts, of which every 16
//                           characters or so one takes 2 to 4 bytes
//   /json?size=N&count=M    texts of about N bytes, each a JSON object, once the client has sent something; then Close
//   /echo                   every message comes back
//   /sink?count=M           swallows M messages, then answers the text "ok"
//
// permessage-deflate is accepted, without context takeover on both sides. Then floods are JSON, compressed in advance;
// echoes come back compressed as they came, and sinks are skipped as ever.
#ifndef NOVA_BENCH_LOAD_SERVER_H
#define NOVA_BENCH_LOAD_SERVER_H

#include <stdbool.h>
#include <stdint.h>

// Listens on 127.0.0.1; port 0 takes a free one. Returns the listening socket and stores the port, or -1 with errno.
int load_server_listen(uint16_t port, uint16_t *bound_port);

// Makes a key and a certificate for 127.0.0.1, and writes the certificate as PEM for clients to trust. False with errno
// when it cannot be made or written.
bool load_server_use_tls(const char *certificate_path);

// Accepts connections for ever, one thread each, in the clear and, unless `secure` is -1, with TLS on another socket;
// returns -1 with errno when that fails for good.
int load_server_run(int plain, int secure);

#endif
